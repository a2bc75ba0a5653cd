/**
 * The arguments of a compilation: the module as a PJRT_Program, and XLA's CompileOptionsProto
 * (xla/pjrt/proto/compile_options.proto), of which gala sets a few fields.
 */
import { bytesField, message, varintField } from '../../io/protobuf.js';
import { type Address, newBlock } from './cApi.js';

/** A program and its options in native memory; `free` frees both. */
interface Compilation {
  readonly program: Address;
  readonly options: Address;
  readonly optionsBytes: number;
  free(): void;
}

const programBytes = 48;
const format = Buffer.from('mlir');

/**
 * `module`: the text of a StableHLO module, for `devices` devices of one process. `flags` of XLA override XLA_FLAGS.
 */
export function newCompilation(
  module: string,
  devices: number,
  flags: Readonly<Record<string, string | boolean>> = {},
): Compilation {
  const [code, settings] = [Buffer.from(module), compileOptions(devices, flags)];
  const block = newBlock(programBytes + format.length + settings.length + code.length);
  const at = (offset: number) => block.address + BigInt(offset);
  const [options, text] = [programBytes + format.length, programBytes + format.length + settings.length];
  block.words.set([BigInt(programBytes), 0n, at(text), BigInt(code.length), at(programBytes), BigInt(format.length)]);
  block.bytes.set(format, programBytes);
  block.bytes.set(settings, options);
  block.bytes.set(code, text);
  return { program: block.address, options: at(options), optionsBytes: settings.length, free: block.free };
}

function compileOptions(devices: number, flags: Readonly<Record<string, string | boolean>>): Buffer {
  const build = [
    varintField(4, 1), // num_replicas
    varintField(5, devices), // num_partitions
    // use_spmd_partitioning and use_shardy_partitioner
    ...(devices > 1 ? [varintField(6, 1), varintField(19, 1)] : []),
  ];
  const overrides = Object.entries(flags).map(([name, value]) => {
    const override = typeof value === 'string' ? bytesField(1, value) : varintField(2, Number(value));
    return bytesField(7, message(bytesField(1, name), bytesField(2, override))); // an entry of env_option_overrides
  });
  return message(bytesField(3, message(...build)), ...overrides);
}
