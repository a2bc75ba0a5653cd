/** Types and constants in the text of StableHLO. */
import type { HostTensor } from '../../tensor.js';
import type { IrDType, ValueType } from '../trace/ir.js';

const elementTypes: Readonly<Record<IrDType, string>> = {
  float32: 'f32',
  int32: 'i32',
  uint8: 'ui8',
  bool: 'i1',
  bfloat16: 'bf16',
};

/** `tensor<2x3xf32>`. */
export function typeText({ dtype, shape }: ValueType): string {
  return `tensor<${[...shape, elementTypes[dtype]].join('x')}>`;
}

/** The literal of one element. Floats are written as bits, so that infinities and rounding are exact. */
export function elementText(dtype: IrDType, value: number): string {
  if (dtype === 'bool') return value ? 'true' : 'false';
  if (dtype === 'int32' || dtype === 'uint8') return String(value);
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!.toString(16).padStart(8, '0').toUpperCase();
  return `0x${dtype === 'float32' ? bits : bits.slice(0, 4)}`;
}

/** The literal of a tensor that is not bool: its bytes, or its only element. */
export function tensorText({ data, dtype }: HostTensor): string {
  if (data.length === 0) return '';
  if (data.length === 1) return elementText(dtype, data[0]!);
  return `"0x${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex').toUpperCase()}"`;
}

/** The value of all elements; undefined where they differ in any bit, and for an empty tensor. */
export function splatOf({ data }: HostTensor): number | undefined {
  const [first] = data;
  return first !== undefined && data.every(value => Object.is(value, first)) ? first : undefined;
}

/** `[1, 2]`. */
export function listText(values: readonly (number | string)[]): string {
  return `[${values.join(', ')}]`;
}

/** `array<i64: 1, 2>`. */
export function arrayText(values: readonly number[]): string {
  return values.length === 0 ? 'array<i64>' : `array<i64: ${values.join(', ')}>`;
}
