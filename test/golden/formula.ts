/**
 * Weights, images and labels that scripts/make-smooth-fixture.py makes by the same formulas: no file needs to hold
 * them.
 */
import type { HostTensor, HostTensors } from '../../src/tensor.js';
import { sizeOf } from '../../src/tensor.js';
import { float32, int32 } from '../numbers.js';

/** Numbers in [0, 1) of a linear congruential generator started by the FNV-1a hash of `name`. */
function stream(name: string, count: number): Float64Array {
  let x = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) x = Math.imul(x ^ name.charCodeAt(i), 0x01000193);
  return Float64Array.from({ length: count }, () => {
    x = (Math.imul(1664525, x) + 1013904223) | 0;
    return (x >>> 0) / 2 ** 32;
  });
}

/** A vector of +1 and −1. */
export function signs(name: string, count: number): Float64Array {
  return stream(name, count).map(u => (u < 0.5 ? -1 : 1));
}

/**
 * A tensor of the network's model state under its name: convolutions Kaiming-uniform, the rest near what training
 * finds.
 */
function formulaTensor(name: string, shape: readonly number[]): HostTensor {
  const around = (centre: number, scale: number) =>
    float32(
      shape,
      stream(name, sizeOf(shape)).map(u => centre + scale * (2 * u - 1)),
    );
  if (shape.length === 4) return around(0, (6 / (9 * shape[2]!)) ** 0.5);
  if (name.startsWith('classifier.')) return around(0, 0.125);
  return around(/running_mean|bias/.test(name) ? 0 : 1, 0.25);
}

/** The model entries of `state` replaced by the formula; momenta and loss statistics stay as they are. */
export function formulaState(state: HostTensors, isModelEntry: (name: string) => boolean): HostTensors {
  return Object.fromEntries(
    Object.entries(state).map(([name, value]) => [name, isModelEntry(name) ? formulaTensor(name, value.shape) : value]),
  );
}

export function formulaImages(name: string, shape: readonly number[]): HostTensor {
  return { dtype: 'uint8', shape, data: Uint8Array.from(stream(name, sizeOf(shape)), u => Math.floor(256 * u)) };
}

export const formulaLabels: readonly HostTensor[] = [
  int32([8], [0, 1, 0, 2, 0, 1, 3, 0]),
  int32([8], [0, 0, 4, 1, 0, 2, 1, 19]),
];

/**
 * Numbers in [0, 1) that scripts/make-backbone-fixture.py makes too: MurmurHash3's finaliser of j · 0x9E3779B1 + the
 * FNV-1a hash of `name`. Unlike `stream` each stands by itself, so that NumPy makes millions of them at once.
 */
export function hashed(name: string, count: number): Float64Array {
  let seed = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) seed = Math.imul(seed ^ name.charCodeAt(i), 0x01000193);
  const numbers = new Float64Array(count);
  for (let j = 0; j < count; j++) {
    let x = (Math.imul(j, 0x9e3779b1) + seed) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    numbers[j] = ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
  }
  return numbers;
}

/** A tensor's norm, and its products with directions of signs. */
export interface Summary {
  norm: number;
  products: number[];
}
/** A tensor of a backbone or its classifier under torchvision's name, as scripts/make-backbone-fixture.py makes it. */
export function hashedTensor(name: string, shape: readonly number[]): HostTensor {
  const scale = shape.length === 4 ? Math.sqrt(6 / sizeOf(shape.slice(0, 3))) : name.startsWith('fc.') ? 0.125 : 0.25;
  const centre = shape.length === 4 || /^fc\.|running_mean$|bias$/.test(name) ? 0 : 1;
  return float32(
    shape,
    Float32Array.from(hashed(name, sizeOf(shape)), u => centre + scale * (2 * u - 1)),
  );
}

/**
 * ‖a − b‖ / ‖b‖ estimated from the products: the mean square of a product with random signs is the squared
 * norm.
 */
export function errorOfProducts(name: string, actual: HostTensor, { norm, products }: Summary): number {
  const { data } = actual;
  const squares = products.map((product, k) => {
    const direction = hashed(`${name} direction ${k}`, data.length);
    let sum = 0;
    for (let i = 0; i < data.length; i++) sum += direction[i]! < 0.5 ? -data[i]! : data[i]!;
    return (sum - product) ** 2;
  });
  return Math.sqrt(squares.reduce((a, b) => a + b) / squares.length) / norm;
}
