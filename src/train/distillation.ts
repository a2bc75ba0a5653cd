/**
 * Knowledge distillation (Hinton, Vinyals & Dean, 2015): the network learns from labels and from the probabilities that
 * trained networks of the same architecture, the teachers, give the same augmented (and mixed) images. The loss is
 *   (1 − w) · loss + w · T² · mean over the samples of −Σ_j p_j · log softmax(logits / T)_j
 * where p is the mean of softmax(logits / T) over the teachers, which normalise by their running statistics.
 */
import type { Tensors } from '../engine/program.js';
import { sparseSoftmaxCrossEntropy } from '../engine/trainingKernels.js';
import { headPrefix, splitModel, withoutPrefix, withPrefix } from '../models/modelEntries.js';
import type { HostTensors } from '../tensor.js';
import tf from '../tfjs.cjs';
import { featuresOf, type Network } from './network.js';

export interface Distillation {
  /** Number of teachers, at least 1. Their networks are entries of the state, so a resumed run needs no other run. */
  readonly teachers: number;
  /** w, in (0, 1]. */
  readonly weight: number;
  /** T > 0. */
  readonly temperature: number;
}

const teacherPrefix = (teacher: number) => `teacher.${teacher}.`;

/** The state entries of the teachers: `models` has parameters and batch statistics of each. */
export function teacherEntries(models: readonly HostTensors[]): HostTensors {
  return Object.assign({}, ...models.map((model, teacher) => withPrefix(teacherPrefix(teacher), model)));
}

/** The probabilities `[B, C]` of normalised images `[B, H, W, channels]`: p above. */
export function taughtBy(
  network: Network,
  { teachers, temperature }: Distillation,
  state: Tensors,
  images: tf.Tensor4D,
): tf.Tensor2D {
  const probabilities = Array.from({ length: teachers }, (_, teacher) => {
    const { parameters, statistics } = splitModel(withoutPrefix(teacherPrefix(teacher), state));
    const { features } = featuresOf(network, parameters, statistics, images, false);
    const logits = network.head.apply(withoutPrefix(headPrefix, parameters), features);
    return tf.softmax(tf.div(logits, temperature));
  });
  return tf.div(
    probabilities.reduce((sum, one) => tf.add(sum, one)),
    teachers,
  ) as tf.Tensor2D;
}

/** The loss [] above, of the mean loss [] and of logits `[B, C]` with int32 labels `[B]` and `taught` `[B, C]`. */
export function distilled(
  { weight, temperature }: Distillation,
  loss: tf.Scalar,
  logits: tf.Tensor2D,
  labels: tf.Tensor1D,
  taught: tf.Tensor2D,
): tf.Scalar {
  const softened = tf.div(logits, temperature) as tf.Tensor2D;
  // −Σ_j p_j · log softmax(z)_j = −log softmax(z)_y + z_y − Σ_j p_j · z_j: one stable kernel on every engine
  const difference = tf.sub(tf.oneHot(labels, logits.shape[1]).toFloat(), taught);
  const crossEntropy = tf.add(sparseSoftmaxCrossEntropy(softened, labels), tf.sum(tf.mul(difference, softened), 1));
  return tf.add(tf.mul(loss, 1 - weight), tf.mul(tf.mean(crossEntropy), weight * temperature ** 2)) as tf.Scalar;
}
