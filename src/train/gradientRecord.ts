/**
 * What each classifier got from the logits' gradient, for any loss: the story of the GALA paper is that rare classes
 * are given more negative gradient than positive. With g = ∂(mean loss)/∂logits `[B, C]`, sums since the start of
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

/**
 * The sums after a step whose loss has the gradient `gradient` `[B, C]` at the logits of samples of int32 `labels`
 * `[B]`.
 */
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
