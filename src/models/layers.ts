/** The two layers that backbones are made of, with PyTorch's names and conventions. */
import * as tf from '@tensorflow/tfjs';
import type { Tensors } from '../engine/program.js';
import { groupedConv2d } from '../engine/trainingKernels.js';
import type { HostTensors } from '../tensor.js';
import { batchNormOfParts } from './batchNormParts.js';
import { constant } from './init.js';

const batchNormEpsilon = 1e-5;
const runningMomentum = 0.1;

/**
 * Convolution by an odd square HWIO filter with PyTorch's symmetric padding of half its size; TensorFlow's SAME would
 * pad a stride-2 convolution on one side only. A filter of fewer inputs than `x` has channels convolves in groups.
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
 * Batch normalisation as `torch.nn.BatchNorm2d` (ε 1e-5): in training by the batch's statistics, and the running ones,
 * updated with momentum 0.1 and the unbiased variance, are put into `updated`. With `parts`, each of so many equal
 * parts of the batch is normalised by itself (batchNormParts.ts).
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
