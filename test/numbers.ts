/** How tests make small reproducible tensors and say how far two results are apart. */

import { randomFor } from '../src/random.js';
import type { HostTensor } from '../src/tensor.js';
import { sizeOf } from '../src/tensor.js';

type Numbers = ArrayLike<number>;

/** float32 numbers in (low, high), the same ones for the same key. */
export function randomTensor(key: string, shape: readonly number[], low = -1, high = 1): HostTensor {
  const random = randomFor('test tensor', key);
  const data = Float32Array.from({ length: sizeOf(shape) }, () => low + (high - low) * random.uniform());
  return { dtype: 'float32', shape, data };
}

/** int32 numbers in [0, bound), the same ones for the same key. */
export function randomIntegers(key: string, shape: readonly number[], bound: number): HostTensor {
  const random = randomFor('test tensor', key);
  return { dtype: 'int32', shape, data: Int32Array.from({ length: sizeOf(shape) }, () => random.integer(bound)) };
}

/** uint8 numbers, the same ones for the same key. */
export function randomBytes(key: string, shape: readonly number[]): HostTensor {
  const random = randomFor('test tensor', key);
  return { dtype: 'uint8', shape, data: Uint8Array.from({ length: sizeOf(shape) }, () => random.integer(256)) };
}

export function float32(shape: readonly number[], values: Iterable<number>): HostTensor {
  return { dtype: 'float32', shape, data: Float32Array.from(values) };
}

export function int32(shape: readonly number[], values: Iterable<number>): HostTensor {
  return { dtype: 'int32', shape, data: Int32Array.from(values) };
}

/** max|a − b| / max|b|; infinite where a number is NaN, a length differs, or b is all zero and a is not. */
export function maxError(a: Numbers, b: Numbers): number {
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const gap = Math.abs(a[i]! - b[i]!);
    if (!(gap < Number.POSITIVE_INFINITY)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, gap);
    largest = Math.max(largest, Math.abs(b[i]!));
  }
  return difference === 0 ? 0 : difference / largest;
}

/** ‖a − b‖ / ‖b‖; infinite as for `maxError`. */
export function normError(a: Numbers, b: Numbers): number {
  let difference = 0;
  let total = 0;
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    difference += (a[i]! - b[i]!) ** 2;
    total += b[i]! ** 2;
  }
  if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
  return difference === 0 ? 0 : Math.sqrt(difference / total);
}
