/** Loads the WebAssembly modules that scripts/assemble-kernels.mjs makes from the .wat files. */

/** A part of Node's WebAssembly, whose types are only in TypeScript's library of browsers. */
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
  /** The memory, grown to at least this many bytes. An earlier view is then invalid. */
  memory(bytes: number): Uint8Array<ArrayBuffer>;
}

const pageBytes = 2 ** 16;

/** Returns a function that makes instances of the module in `base64`, each with its own memory. */
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
