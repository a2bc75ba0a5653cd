/** PyTorch's distributions of initial values, from keyed random numbers: a tensor depends on seed and name alone. */
import { randomFor } from '../random.js';
import { type HostTensor, lazyTensor } from '../tensor.js';

/**
 * Kaiming normal with gain √2 (He et al. 2015; `torch.nn.init.kaiming_normal_`) for an HWIO filter: variance 2 / fan,
 * where fan is height · width · inputs, or height · width · outputs.
 */
export function kaimingNormal(
  seed: number,
  name: string,
  shape: readonly [number, number, number, number],
  fan: 'in' | 'out' = 'in',
): HostTensor {
  const deviation = Math.sqrt(2 / (shape[0] * shape[1] * shape[fan === 'in' ? 2 : 3]));
  return lazyTensor(shape, size => {
    const data = new Float32Array(size);
    randomFor('init', seed, name).normals(data, deviation);
    return data;
  });
}

/** Uniform in ±1/√fanIn, the default of `torch.nn.Linear` for weight and bias. */
export function linearUniform(seed: number, name: string, shape: readonly number[], fanIn: number): HostTensor {
  const bound = 1 / Math.sqrt(fanIn);
  return lazyTensor(shape, size => {
    const random = randomFor('init', seed, name);
    return filled(size, () => (2 * random.uniform() - 1) * bound);
  });
}

/** Uniform in ±1, then each row scaled to length 1 (`NormedLinear` of kaidic/LDAM-DRW). */
export function unitRows(seed: number, name: string, shape: readonly [number, number]): HostTensor {
  return lazyTensor(shape, size => {
    const random = randomFor('init', seed, name);
    const data = filled(size, () => 2 * random.uniform() - 1);
    for (let start = 0; start < data.length; start += shape[1]) {
      const row = data.subarray(start, start + shape[1]);
      const length = Math.hypot(...row);
      for (const [i, value] of row.entries()) row[i] = value / length;
    }
    return data;
  });
}

export function constant(shape: readonly number[], value: number): HostTensor {
  return lazyTensor(shape, size => new Float32Array(size).fill(value));
}

function filled(size: number, value: () => number): Float32Array {
  const data = new Float32Array(size);
  for (let i = 0; i < size; i++) data[i] = value();
  return data;
}
