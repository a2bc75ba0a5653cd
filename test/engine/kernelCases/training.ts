/** Batch normalisation and the training kernels that TF.js lacks, against compositions of its stock ops. */
import * as tf from '@tensorflow/tfjs';
import { batchNormTrain, sparseSoftmaxCrossEntropy, sumByClass } from '../../../src/engine/trainingKernels.js';
import { float32, int32, randomTensor } from '../../numbers.js';
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

/** Bessel-corrected variance. */
const varianceOf = (x: tf.Tensor4D) => {
  const count = x.shape[0] * x.shape[1] * x.shape[2];
  return tf.mul(momentsOf(x).variance, count / (count - 1));
};

/** Batch mean and Bessel-corrected variance. */
const statistics = (x: tf.Tensor4D) => tf.concat([momentsOf(x).mean, varianceOf(x)]);

const meanCrossEntropies = (logits: tf.Tensor2D, labels: tf.Tensor1D) =>
  tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), tf.oneHot(labels, logits.shape[1])), 1));

const images: readonly (readonly number[])[] = [
  [4, 3, 5, 2],
  [2, 7, 7, 3],
  [8, 1, 1, 5],
];

/** A mean of 10 and a variance of 0.003: E[x²] − E[x]² would be wrong in the third digit. */
const farFromZero = (shape: readonly number[]) => randomTensor('far from zero', shape, 9.9, 10.1);

const batchNormCases = (kernel: string): KernelCase[] =>
  [
    ...images.map(shape => ({ what: `images ${shape.join('×')}`, x: shape })),
    { what: 'images far from zero', x: farFromZero([4, 7, 7, 3]) },
  ].map(({ what, x }) => {
    const channels = ('shape' in x ? x.shape : x).at(-1)!;
    const inputs = [x, positive(channels), [channels]];
    return kernelCase(kernel, what, inputs, (...given: BatchNormInputs) => batchNormTrain(...given, epsilon).y, {
      reference: normalised,
      gradient: kernel.endsWith('Grad'),
    });
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
  kernelCase(
    'BatchNormTrain',
    'unbiased variance far from zero',
    [farFromZero([4, 7, 7, 3]), [3], [3]],
    (...given: BatchNormInputs) => batchNormTrain(...given, epsilon).variance,
    { reference: varianceOf, gradient: false },
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
