/**
 * The positive and negative gradient that each class receives, for any loss: according to the GALA paper, rare classes
 * receive more negative than positive gradient. With g = ∂(mean loss)/∂logits `[B, C]`, summed since the start of
 * training:
 *   positive_j = Σ |g_ij| over samples i of class j (θ),
 *   negative_j = Σ |g_ij| over samples of other classes (ν).
 */
import type { Tensors } from '../engine/program.js';
import { type HostTensors, zeros } from '../tensor.js';
import tf from '../tfjs.cjs';

export const gradientSums = ['positive', 'negative'] as const;

/** Zero sums `[C]`. */
export function initialGradientRecord(classes: number): HostTensors {
  return Object.fromEntries(gradientSums.map(name => [name, zeros([classes])]));
}

/** The sums after a step with the gradient g `[B, C]` for samples with int32 `labels` `[B]`. */
export function recordGradient(record: Tensors, gradient: tf.Tensor2D, labels: tf.Tensor1D): Tensors {
  const sizes = tf.abs(gradient);
  const own = tf.oneHot(labels, gradient.shape[1]).toFloat();
  return {
    positive: tf.add(record.positive!, tf.sum(tf.mul(sizes, own), 0)),
    negative: tf.add(record.negative!, tf.sum(tf.mul(sizes, tf.sub(1, own)), 0)),
  };
}

/** One line of gradients.jsonl: the sums after an epoch, to 6 significant digits. */
export function gradientLine(epoch: number, record: HostTensors) {
  const rounded = (name: (typeof gradientSums)[number]) =>
    Array.from(record[name]!.data as Float32Array, value => Number(value.toPrecision(6)));
  return { epoch, positive: rounded('positive'), negative: rounded('negative') };
}
