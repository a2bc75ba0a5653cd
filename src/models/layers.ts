/** The two layers that backbones are made of, with PyTorch's names and conventions. */
import * as tf from '@tensorflow/tfjs';
import type { HostTensors, Tensors } from '../engine/program.js';
import { batchNormTrain } from '../engine/trainingKernels.js';
import { constant } from './init.js';

const batchNormEpsilon = 1e-5;
const runningMomentum = 0.1;

/** 3×3 convolution with PyTorch's symmetric padding of 1. TensorFlow's SAME would pad a stride-2 convolution on one side only. */
export function conv3x3(x: tf.Tensor4D, weight: tf.Tensor, stride: 1 | 2): tf.Tensor4D {
  if (stride === 1) return tf.conv2d(x, weight as tf.Tensor4D, 1, 'same');
  const padded = tf.pad(x, [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ]);
  return tf.conv2d(padded, weight as tf.Tensor4D, stride, 'valid');
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
 * updated with momentum 0.1 and the unbiased variance, are put into `updated`.
 */
export function batchNorm(
  name: string,
  x: tf.Tensor4D,
  parameters: Tensors,
  statistics: Tensors,
  updated: Tensors | undefined,
): tf.Tensor4D {
  const scale = parameters[`${name}.weight`] as tf.Tensor1D;
  const offset = parameters[`${name}.bias`] as tf.Tensor1D;
  const runningMean = statistics[`${name}.running_mean`] as tf.Tensor1D;
  const runningVariance = statistics[`${name}.running_var`] as tf.Tensor1D;
  if (updated === undefined) return tf.batchNorm(x, runningMean, runningVariance, offset, scale, batchNormEpsilon);
  const { y, mean, variance } = batchNormTrain(x, scale, offset, batchNormEpsilon);
  const moved = (running: tf.Tensor, batch: tf.Tensor) =>
    tf.add(tf.mul(running, 1 - runningMomentum), tf.mul(batch, runningMomentum));
  updated[`${name}.running_mean`] = moved(runningMean, mean);
  updated[`${name}.running_var`] = moved(runningVariance, variance);
  return y;
}
