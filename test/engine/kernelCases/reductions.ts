import * as tf from '@tensorflow/tfjs';
import { integers, type KernelCase, kernelCase } from './kernelCase.js';

type Reduction = (x: tf.Tensor, axis?: number | number[], keepDims?: boolean) => tf.Tensor;

const reduction = (kernel: string, op: Reduction): KernelCase[] => [
  kernelCase(kernel, 'all axes', [[3, 5, 7]], x => op(x)),
  kernelCase(kernel, 'a negative axis', [[3, 5, 7]], x => op(x, -1)),
  kernelCase(kernel, 'two axes kept', [[2, 3, 5, 7]], x => op(x, [1, 2], true)),
  kernelCase(kernel, 'the first axis', [[5, 1]], x => op(x, 0)),
  kernelCase(kernel, 'axes in falling order', [[2, 3, 5]], x => op(x, [2, 0])),
];

export const reductionCases: readonly KernelCase[] = [
  ...reduction('Sum', tf.sum),
  kernelCase('Sum', 'int32', [integers(9, 3, 5)], x => tf.sum(x, 1), { gradient: false }),
  kernelCase('Sum', 'bool', [[3, 5]], x => tf.sum(tf.greater(x, 0)), { gradient: false }),
  ...reduction('Mean', tf.mean),
  kernelCase('Mean', 'int32 gives a fraction', [integers(9, 3, 5)], x => tf.mean(x, 0), { gradient: false }),
  ...reduction('Max', tf.max),
  kernelCase('Max', 'int32', [integers(50, 3, 5)], x => tf.max(x, 1), { gradient: false }),
  ...reduction('Min', tf.min),
  kernelCase('ArgMax', 'the last axis', [[5, 7]], x => tf.argMax(x, -1), { gradient: false }),
  kernelCase('ArgMax', 'the first axis', [[5, 7, 2]], x => tf.argMax(x, 0), { gradient: false }),
  kernelCase('ArgMax', 'equal numbers', [integers(3, 4, 9)], x => tf.argMax(x, 1), { gradient: false }),
  kernelCase('Softmax', 'a matrix', [[5, 7]], x => tf.softmax(tf.mul(x, 5))),
  kernelCase('Softmax', 'large logits', [[3, 100]], x => tf.softmax(tf.mul(x, 80))),
  kernelCase('Softmax', 'three axes', [[2, 3, 5]], x => tf.softmax(x, -1)),
];
