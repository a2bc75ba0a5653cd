/**
 * Batch normalisation by the statistics of equal parts of a batch: what each of several GPUs computes that sees its own
 * images only (`DistributedDataParallel` of PyTorch), on any number of devices.
 */
import * as tf from '@tensorflow/tfjs';
import { type BatchNormResult, batchNormTrain } from '../engine/trainingKernels.js';

/**
 * As `batchNormTrain` on `parts` equal parts of the batch, each by itself; `mean` and `variance` are the means over the
 * parts. The parts become channels beside each other: on as many devices each has its own, and nothing is exchanged.
 */
export function batchNormOfParts(
  x: tf.Tensor4D,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  epsilon: number,
  parts: number,
): BatchNormResult {
  if (parts === 1) return batchNormTrain(x, scale, offset, epsilon);
  const [batch, height, width, channels] = x.shape;
  const [rows, all] = [batch / parts, parts * channels];
  const apart = tf.transpose(tf.reshape(x, [parts, rows, height, width, channels]), [1, 2, 3, 0, 4]);
  const ofEach = (value: tf.Tensor1D) => tf.reshape(tf.mul(tf.ones([parts, 1]), value), [all]) as tf.Tensor1D;
  const beside = tf.reshape(apart, [rows, height, width, all]) as tf.Tensor4D;
  const { y, mean, variance } = batchNormTrain(beside, ofEach(scale), ofEach(offset), epsilon);
  const back = tf.transpose(tf.reshape(y, [rows, height, width, parts, channels]), [3, 0, 1, 2, 4]);
  const average = (value: tf.Tensor1D) => tf.mean(tf.reshape(value, [parts, channels]), 0) as tf.Tensor1D;
  return { y: tf.reshape(back, x.shape), mean: average(mean), variance: average(variance) };
}
