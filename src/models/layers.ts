/** The two layers with parameters in a backbone, with PyTorch's names and conventions. */
import type { Tensors } from '../engine/program.js';
import { type BatchNormResult, batchNormTrain, groupedConv2d } from '../engine/trainingKernels.js';
import type { HostTensors } from '../tensor.js';
import tf from '../tfjs.cjs';
import { constant } from './init.js';

const batchNormEpsilon = 1e-5;
const runningMomentum = 0.1;

/**
 * Convolution by an odd square HWIO filter. The padding is PyTorch's, half of the filter on each side; TensorFlow's
 * SAME pads a stride-2 convolution on one side only. If the filter has fewer inputs than `x` has channels, it convolves
 * in groups.
 */
export function convolution(x: tf.Tensor4D, weight: tf.Tensor, stride: 1 | 2): tf.Tensor4D {
  const filter = weight as tf.Tensor4D;
  const side = (filter.shape[0] - 1) / 2;
  const padded = stride === 1 || side === 0 ? x : padPixels(x, side);
  const padding = stride === 1 ? 'same' : 'valid';
  return filter.shape[2] === x.shape[3]
    ? tf.conv2d(padded, filter, stride, padding)
    : groupedConv2d(padded, filter, stride, padding);
}

function padPixels(x: tf.Tensor4D, side: number): tf.Tensor4D {
  return tf.pad(x, [
    [0, 0],
    [side, side],
    [side, side],
    [0, 0],
  ]);
}

/** Adds the parameters and statistics of a batch normalisation over `channels` under `name`. */
export function initBatchNorm(name: string, channels: number, parameters: HostTensors, statistics: HostTensors): void {
  parameters[`${name}.weight`] = constant([channels], 1);
  parameters[`${name}.bias`] = constant([channels], 0);
  statistics[`${name}.running_mean`] = constant([channels], 0);
  statistics[`${name}.running_var`] = constant([channels], 1);
}

/**
 * Batch normalisation as `torch.nn.BatchNorm2d` (ε 1e-5). With `updated`, as in training: normalises by the statistics
 * of the batch, or of each of `parts` equal parts of it, and writes the running statistics into `updated`, moved by
 * momentum 0.1 and the unbiased variance. Without `updated`: normalises by the running statistics.
 */
export function batchNorm(
  name: string,
  x: tf.Tensor4D,
  parameters: Tensors,
  statistics: Tensors,
  updated: Tensors | undefined,
  parts = 1,
): tf.Tensor4D {
  const scale = parameters[`${name}.weight`] as tf.Tensor1D;
  const offset = parameters[`${name}.bias`] as tf.Tensor1D;
  const runningMean = statistics[`${name}.running_mean`] as tf.Tensor1D;
  const runningVariance = statistics[`${name}.running_var`] as tf.Tensor1D;
  if (updated === undefined) return tf.batchNorm(x, runningMean, runningVariance, offset, scale, batchNormEpsilon);
  const { y, mean, variance } = batchNormOfParts(x, scale, offset, batchNormEpsilon, parts);
  const moved = (running: tf.Tensor, batch: tf.Tensor) =>
    tf.add(tf.mul(running, 1 - runningMomentum), tf.mul(batch, runningMomentum));
  updated[`${name}.running_mean`] = moved(runningMean, mean);
  updated[`${name}.running_var`] = moved(runningVariance, variance);
  return y;
}

/**
 * `batchNormTrain` of each of `parts` equal parts of the batch; `mean` and `variance` are the means over the parts.
 * This is what each of several GPUs computes from its own images (PyTorch's `DistributedDataParallel`), on any number
 * of devices. The parts become channels beside each other: with one part per device, the devices exchange nothing.
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
