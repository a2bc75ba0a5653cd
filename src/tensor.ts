/** Tensors in host memory, as files, engines and the pipeline exchange them. */
export type DType = 'float32' | 'int32' | 'uint8';

export interface TensorSpec {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** A tensor in host memory, row-major. */
export interface HostTensor extends TensorSpec {
  readonly data: Float32Array | Int32Array | Uint8Array;
}

export type HostTensors = Record<string, HostTensor>;

/**
 * A tensor whose values are computed on the first access to `data`, so that only counting the bytes of a network draws
 * no weights.
 */
export function lazyTensor(shape: readonly number[], valuesOf: (size: number) => Float32Array): HostTensor {
  let data: Float32Array | undefined;
  return {
    dtype: 'float32',
    shape,
    get data() {
      data ??= valuesOf(sizeOf(shape));
      return data;
    },
  };
}

/** float32 zeros, made on the first access to `data`. */
export function zeros(shape: readonly number[]): HostTensor {
  return lazyTensor(shape, size => new Float32Array(size));
}

/** Bytes of the values of tensors. */
export function tensorBytes(tensors: Readonly<Record<string, TensorSpec>>): number {
  return Object.values(tensors).reduce((sum, { dtype, shape }) => sum + sizeOf(shape) * (dtype === 'uint8' ? 1 : 4), 0);
}

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}
