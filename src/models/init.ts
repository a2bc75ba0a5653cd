/** Initial values as PyTorch draws them, from keyed random numbers: a tensor's values depend on seed and name alone. */

import { randomFor } from '../random.js';
import type { HostTensor } from '../tensor.js';
import { sizeOf } from '../tensor.js';

/**
 * Kaiming normal, gain √2 (He et al. 2015; `torch.nn.init.kaiming_normal_`), for an HWIO filter: variance 2 / fan, the
 * inputs or the outputs of a pixel's window.
 */
export function kaimingNormal(
  seed: number,
  name: string,
  shape: readonly [number, number, number, number],
  fan: 'in' | 'out' = 'in',
): HostTensor {
  const random = randomFor('init', seed, name);
  const deviation = Math.sqrt(2 / (shape[0] * shape[1] * shape[fan === 'in' ? 2 : 3]));
  const data = new Float32Array(sizeOf(shape));
  random.normals(data, deviation);
  return { dtype: 'float32', shape, data };
}

/** Uniform in ±1/√fanIn, the default of `torch.nn.Linear` for weight and bias. */
export function linearUniform(seed: number, name: string, shape: readonly number[], fanIn: number): HostTensor {
  const random = randomFor('init', seed, name);
  const bound = 1 / Math.sqrt(fanIn);
  return filled(shape, () => (2 * random.uniform() - 1) * bound);
}

/** Uniform in ±1, each row then scaled to length 1 (`NormedLinear` of kaidic/LDAM-DRW). */
export function unitRows(seed: number, name: string, shape: readonly [number, number]): HostTensor {
  const random = randomFor('init', seed, name);
  const tensor = filled(shape, () => 2 * random.uniform() - 1);
  const { data } = tensor;
  for (let start = 0; start < data.length; start += shape[1]) {
    const row = data.subarray(start, start + shape[1]);
    const length = Math.hypot(...row);
    for (const [i, value] of row.entries()) row[i] = value / length;
  }
  return tensor;
}

export function constant(shape: readonly number[], value: number): HostTensor {
  return { dtype: 'float32', shape, data: new Float32Array(sizeOf(shape)).fill(value) };
}

function filled(shape: readonly number[], value: () => number): HostTensor {
  const data = new Float32Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = value();
  return { dtype: 'float32', shape, data };
}
