/**
 * What a compilation is given: the module as a PJRT_Program, and XLA's CompileOptionsProto
 * (xla/pjrt/proto/compile_options.proto), of which gala sets a few fields.
 */
import { type Address, newBlock } from './cApi.js';

/** A program and its options in native memory, and what frees them. */
export interface Compilation {
  readonly program: Address;
  readonly options: Address;
  readonly optionsBytes: number;
  free(): void;
}

const programBytes = 48;
const format = Buffer.from('mlir');

/** Text of a StableHLO module for `devices` devices of one process; `flags` of XLA go before those of XLA_FLAGS. */
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

function compileOptions(devices: number, flags: Readonly<Record<string, string | boolean>>): Uint8Array {
  const build = [
    ...number(4, 1), // num_replicas
    ...number(5, devices), // num_partitions
    // use_spmd_partitioning and use_shardy_partitioner
    ...(devices > 1 ? [...number(6, 1), ...number(19, 1)] : []),
  ];
  const overrides = Object.entries(flags).map(([name, value]) => {
    const override = typeof value === 'string' ? text(1, value) : number(2, Number(value));
    return message(7, [...text(1, name), ...message(2, override)]); // an entry of env_option_overrides
  });
  return Uint8Array.from([...message(3, build), ...overrides.flat()]);
}

const number = (field: number, value: number) => [...varint(field << 3), ...varint(value)];
const message = (field: number, bytes: readonly number[]) => [
  ...varint((field << 3) | 2),
  ...varint(bytes.length),
  ...bytes,
];
const text = (field: number, value: string) => message(field, [...Buffer.from(value)]);

/** Seven bits a byte, the lowest first; all but the last byte have the high bit. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}
