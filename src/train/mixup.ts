/**
 * Mixup (Zhang et al., ICLR 2018): each image is blended with a partner from its batch, and its loss with the loss for
 * the partner's label.
 */
import type { Specs, Tensors } from '../engine/program.js';
import { type Random, randomFor, shuffle } from '../random.js';
import type { HostTensors } from '../tensor.js';
import tf from '../tfjs.cjs';

/** How the images of a batch are blended: λ·x + (1 − λ)·x[index]. The losses are blended in the same way. */
export interface Mixing {
  /** λ, []. */
  readonly lambda: tf.Scalar;
  /** Partner of each image, a permutation of the batch, int32 `[B]`. */
  readonly index: tf.Tensor1D;
}

/** The further inputs of a training step with mixup. */
export function mixupSpecs(batchSize: number): Specs {
  return { mixup_lambda: { dtype: 'float32', shape: [] }, mixup_index: { dtype: 'int32', shape: [batchSize] } };
}

/** The mixing from the inputs of a training step. */
export function mixingOf({ mixup_lambda, mixup_index }: Tensors): Mixing {
  return { lambda: mixup_lambda as tf.Scalar, index: mixup_index as tf.Tensor1D };
}

/**
 * λ ~ Beta(α, α) of one step, and a random permutation of each of its `count` micro-batches of `rows` images. Both
 * depend on seed, epoch and step alone, so a resumed run mixes like an uninterrupted one.
 * (facebookresearch/mixup-cifar10 draws both without a seed; it also draws one λ per batch.)
 */
export function mixupInputs(
  alpha: number,
  [count, rows]: readonly [number, number],
  seed: number,
  epoch: number,
  step: number,
): HostTensors[] {
  const random = randomFor('mixup', seed, epoch, step);
  const lambda = Float32Array.of(symmetricBeta(alpha, random));
  return Array.from({ length: count }, () => {
    const unshuffled = Int32Array.from({ length: rows }, (_, i) => i);
    return {
      mixup_lambda: { dtype: 'float32', shape: [], data: lambda },
      mixup_index: { dtype: 'int32', shape: [rows], data: shuffle(unshuffled, random) },
    };
  });
}

/** λ·a + (1 − λ)·b. */
export function blend<T extends tf.Tensor>(a: T, b: T, lambda: tf.Scalar): T {
  return tf.add(tf.mul(a, lambda), tf.mul(b, tf.sub(1, lambda))) as T;
}

/** Each of `values` `[B, …]`, blended with its partner. */
export function mixRows<T extends tf.Tensor>(values: T, { lambda, index }: Mixing): T {
  return blend(values, tf.gather(values, index) as T, lambda);
}

/**
 * A draw from Beta(α, α), α > 0: x / (x + y) of two draws from Gamma(α, 1). Computed from their logarithms, which
 * do not underflow for a small α.
 */
function symmetricBeta(alpha: number, random: Random): number {
  const [x, y] = [logGamma(alpha, random), logGamma(alpha, random)];
  return 1 / (1 + Math.exp(y - x));
}

/** Logarithm of a draw from Gamma(α, 1): Marsaglia & Tsang (2000) for α + 1, times U^(1/α). */
function logGamma(alpha: number, random: Random): number {
  const d = alpha + 2 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const normal = random.normal();
    const v = (1 + c * normal) ** 3;
    if (v <= 0) continue;
    if (Math.log(1 - random.uniform()) < normal ** 2 / 2 + d - d * v + d * Math.log(v)) {
      return Math.log(d * v) + Math.log(1 - random.uniform()) / alpha;
    }
  }
}
