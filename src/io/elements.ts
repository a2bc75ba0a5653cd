/** Converts the elements of stored tensors to the three types that gala computes with. */
import type { DType, HostTensor } from '../tensor.js';
import { FormatFault } from './faults.js';

/** Element types by the names that safetensors gives them. */
export type ElementType = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U8' | 'BOOL';

export const bytesPerElement: ReadonlyMap<string, number> = new Map<ElementType, number>([
  ['F64', 8],
  ['F32', 4],
  ['F16', 2],
  ['BF16', 2],
  ['I64', 8],
  ['I32', 4],
  ['I16', 2],
  ['I8', 1],
  ['U8', 1],
  ['BOOL', 1],
]);

/** The type that gala computes with for a stored type. */
export function dtypeOf(type: ElementType): DType {
  if (type === 'U8' || type === 'BOOL') return 'uint8';
  return type.startsWith('I') ? 'int32' : 'float32';
}

/** Most bytes that `decodeElements` makes of one byte: a signed byte becomes an int32. */
export const largestWidening = 4;

/**
 * Decodes little-endian elements. F32, I32, U8 and BOOL are views of the bytes, BOOL as uint8. F16 and BF16 are widened
 * and F64 is rounded to float32; I16 and I8 are widened to int32. `bytes` must begin its buffer. Throws `FormatFault`,
 * which names `what`, for an I64 value beyond int32.
 */
export function decodeElements(what: string, type: ElementType, bytes: Buffer): Pick<HostTensor, 'dtype' | 'data'> {
  const { buffer, byteOffset, byteLength } = bytes;
  const count = byteLength / bytesPerElement.get(type)!;
  switch (type) {
    case 'U8':
    case 'BOOL':
      return { dtype: 'uint8', data: new Uint8Array(buffer, byteOffset, count) };
    case 'I32':
      return { dtype: 'int32', data: new Int32Array(buffer, byteOffset, count) };
    case 'F32':
      return { dtype: 'float32', data: new Float32Array(buffer, byteOffset, count) };
    case 'F64':
      return { dtype: 'float32', data: Float32Array.from(new Float64Array(buffer, byteOffset, count)) };
    case 'I64':
      return { dtype: 'int32', data: narrow(what, new BigInt64Array(buffer, byteOffset, count)) };
    case 'I16':
      return { dtype: 'int32', data: Int32Array.from(new Int16Array(buffer, byteOffset, count)) };
    case 'I8':
      return { dtype: 'int32', data: Int32Array.from(new Int8Array(buffer, byteOffset, count)) };
    default: {
      const halves = new Uint16Array(buffer, byteOffset, count);
      const bits = new Int32Array(count);
      for (let i = 0; i < count; i++) bits[i] = type === 'BF16' ? halves[i]! << 16 : halfToFloatBits(halves[i]!);
      return { dtype: 'float32', data: new Float32Array(bits.buffer) };
    }
  }
}

function narrow(what: string, wide: BigInt64Array): Int32Array {
  const data = new Int32Array(wide.length);
  for (let i = 0; i < wide.length; i++) {
    data[i] = Number(wide[i]);
    if (BigInt(data[i]!) !== wide[i])
      throw new FormatFault(`${what} holds ${wide[i]}, which does not fit into 32 bits`);
  }
  return data;
}

/**
 * Bits of the float32 that equals an IEEE 754 half. The conversion is exact, also for subnormals, infinities and NaN
 * payloads.
 */
function halfToFloatBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  const shift = Math.clz32(fraction) - 21; // normalise: the leading bit moves to position 10
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}
