/** WebAssembly that scripts/assemble-kernels.mjs made of our .wat files: one module, any number of instances. */

/** Node's, of which neither its types nor TypeScript's without a browser know. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module);
    readonly exports: object;
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
}

export interface WasmInstance<Functions> {
  readonly functions: Functions;
  /** Makes the memory at least this large and gives it; a view taken before is void. */
  memory(bytes: number): Uint8Array<ArrayBuffer>;
}

const pageBytes = 2 ** 16;

/** Makes instances of the module in `base64`, which is compiled for the first one; each has a memory of its own. */
export function wasmModule<Functions extends object>(base64: string): () => WasmInstance<Functions> {
  let compiled: WebAssembly.Module | undefined;
  return () => {
    compiled ??= new WebAssembly.Module(Buffer.from(base64, 'base64'));
    const { memory, ...functions } = new WebAssembly.Instance(compiled).exports as Functions & {
      memory: WebAssembly.Memory;
    };
    let bytes = new Uint8Array(memory.buffer);
    return {
      functions: functions as unknown as Functions,
      memory: wanted => {
        if (bytes.length < wanted) {
          memory.grow(Math.ceil((wanted - bytes.length) / pageBytes));
          bytes = new Uint8Array(memory.buffer);
        }
        return bytes;
      },
    };
  };
}
