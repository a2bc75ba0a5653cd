/**
 * Mixup (Zhang et al., ICLR 2018): each image is blended with another of its batch, and the loss with that of the
 * other's label.
 */
import type { Specs, Tensors } from '../engine/program.js';
import { type Random, randomFor, shuffle } from '../random.js';
import type { HostTensors } from '../tensor.js';
import tf from '../tfjs.cjs';

/** How the images of a batch are blended: x = λ·x_a + (1 − λ)·x_a[index], and so are the losses of their labels. */
export interface Mixing {
  /** λ, []. */
  readonly lambda: tf.Scalar;
  /** Partner of each image, a permutation of the batch, int32 `[B]`. */
  readonly index: tf.Tensor1D;
}

/** What a train step with mixup takes besides its images. */
export function mixupSpecs(batchSize: number): Specs {
  return { mixup_lambda: { dtype: 'float32', shape: [] }, mixup_index: { dtype: 'int32', shape: [batchSize] } };
}

/** The mixing among the inputs of a train step. */
export function mixingOf({ mixup_lambda, mixup_index }: Tensors): Mixing {
  return { lambda: mixup_lambda as tf.Scalar, index: mixup_index as tf.Tensor1D };
}

/**
 * λ ~ Beta(α, α) of one step, and a random permutation of each of its micro-batches, `[count, rows]`: a function of the
 * key alone, so that a resumed run mixes as an unbroken one (facebookresearch/mixup-cifar10 draws both unseeded, one λ
 * a batch).
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

/** `values` `[B, …]`, each blended with its partner. */
export function mixRows<T extends tf.Tensor>(values: T, { lambda, index }: Mixing): T {
  return blend(values, tf.gather(values, index) as T, lambda);
}

/**
 * A draw from Beta(α, α), α > 0: x / (x + y) of two Gamma(α, 1), by their logarithms, which a small α does not
 * underflow.
 */
export function symmetricBeta(alpha: number, random: Random): number {
  const [x, y] = [logGamma(alpha, random), logGamma(alpha, random)];
  return 1 / (1 + Math.exp(y - x));
}

/** Logarithm of a draw from Gamma(α, 1): Marsaglia & Tsang (2000) for α + 1, brought down by U^(1/α). */
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
