/** Batch normalisation and the training kernels that TF.js lacks, against compositions of its stock ops. */
import * as tf from '@tensorflow/tfjs';
import { batchNormTrain, sparseSoftmaxCrossEntropy, sumByClass } from '../../../src/engine/trainingKernels.js';
import { float32, int32 } from '../../numbers.js';
import { type KernelCase, kernelCase, positive } from './kernelCase.js';

const epsilon = 1e-5;
type BatchNormInputs = [x: tf.Tensor4D, scale: tf.Tensor1D, offset: tf.Tensor1D];

function momentsOf(x: tf.Tensor4D) {
  const mean = tf.mean(x, [0, 1, 2]) as tf.Tensor1D;
  const variance = tf.mean(tf.square(tf.sub(x, mean)), [0, 1, 2]) as tf.Tensor1D;
  return { mean, variance };
}

const normalised = (...[x, scale, offset]: BatchNormInputs) => {
  const { mean, variance } = momentsOf(x);
  return tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, epsilon))), scale), offset);
};

/** Batch mean and Bessel-corrected variance. */
const statistics = (x: tf.Tensor4D) => {
  const { mean, variance } = momentsOf(x);
  const count = x.shape[0] * x.shape[1] * x.shape[2];
  return tf.concat([mean, tf.mul(variance, count / (count - 1))]);
};

const meanCrossEntropies = (logits: tf.Tensor2D, labels: tf.Tensor1D) =>
  tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), tf.oneHot(labels, logits.shape[1])), 1));

const images: readonly (readonly number[])[] = [
  [4, 3, 5, 2],
  [2, 7, 7, 3],
  [8, 1, 1, 5],
];

const batchNormCases = (kernel: string): KernelCase[] =>
  images.map(shape => {
    const channels = shape.at(-1)!;
    const inputs = [shape, positive(channels), [channels]];
    return kernelCase(
      kernel,
      `images ${shape.join('×')}`,
      inputs,
      (...given: BatchNormInputs) => batchNormTrain(...given, epsilon).y,
      { reference: normalised, gradient: kernel.endsWith('Grad') },
    );
  });

export const trainingCases: readonly KernelCase[] = [
  ...images.map(shape => {
    const channels = shape.at(-1)!;
    return kernelCase(
      'FusedBatchNorm',
      `images ${shape.join('×')}`,
      [shape, [channels], positive(channels), [channels], positive(channels)],
      (x, mean, variance, offset, scale) => tf.batchNorm(x, mean, variance, offset, scale, 1e-3),
    );
  }),
  kernelCase('ReluGrad', 'images', [[2, 3, 5, 7]], x => tf.relu(x), { reference: x => tf.maximum(x, 0) }),
  kernelCase('ReluGrad', 'a zero passes no gradient', [float32([4], [-1, 0, 0, 2])], x => tf.relu(tf.mul(x, 3)), {
    reference: x => tf.mul(tf.mul(x, 3), tf.step(x)),
  }),
  ...batchNormCases('BatchNormTrain'),
  kernelCase(
    'BatchNormTrain',
    'batch mean and unbiased variance',
    [[4, 3, 5, 2], [2], [2]],
    (...given: BatchNormInputs) => {
      const { mean, variance } = batchNormTrain(...given, epsilon);
      return tf.concat([mean, variance]);
    },
    { reference: statistics, gradient: false },
  ),
  ...batchNormCases('BatchNormTrainGrad'),
  kernelCase(
    'SparseSoftmaxCrossEntropy',
    'seven classes',
    [[5, 7], int32([5], [0, 6, 3, 3, 1])],
    sparseSoftmaxCrossEntropy,
    { reference: meanCrossEntropies },
  ),
  kernelCase(
    'SparseSoftmaxCrossEntropy',
    'large logits',
    [[3, 100], int32([3], [99, 0, 50])],
    (logits, labels) => sparseSoftmaxCrossEntropy(tf.mul(logits, 50), labels),
    { reference: (logits, labels) => meanCrossEntropies(tf.mul(logits, 50), labels) },
  ),
  kernelCase('UnsortedSegmentSum', 'sums by class', [[6], int32([6], [0, 3, 3, 1, 0, 3])], (values, labels) =>
    sumByClass(values, labels, 5),
  ),
];
