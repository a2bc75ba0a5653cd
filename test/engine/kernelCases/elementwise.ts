import * as tf from '@tensorflow/tfjs';
import { float32, int32, randomBytes } from '../../numbers.js';
import { integers, type KernelCase, kernelCase, positive } from './kernelCase.js';

type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

const binary = (kernel: string, op: Binary, options: Parameters<typeof kernelCase>[4] = {}): KernelCase[] => [
  kernelCase(kernel, 'equal odd shapes', [[3, 5, 7], positive(3, 5, 7)], op),
  kernelCase(kernel, 'a row over a matrix', [[5, 3], positive(3)], op, options),
  kernelCase(kernel, 'a column with a row', [[4, 1], positive(1, 7)], op, options),
  kernelCase(kernel, 'a scalar on the left', [[], positive(2, 3, 1, 5)], op, options),
];

/** TF.js' gradients of these do not sum over broadcast axes: it refuses them, on any backend. */
const withoutBroadcastGradient = { gradient: false };

/** Integers with few values, so that equality happens. */
const comparison = (kernel: string, op: Binary): KernelCase[] => [
  kernelCase(kernel, 'int32', [integers(3, 5, 7), integers(3, 7)], op, { gradient: false }),
  kernelCase(kernel, 'float32', [float32([2, 3], [1, 2, 3, -1, 0, 5]), float32([2, 1], [2, 0])], op, {
    gradient: false,
  }),
];

const unary = (
  kernel: string,
  op: (x: tf.Tensor) => tf.Tensor,
  input: (...shape: number[]) => KernelCase['inputs'][number] | number[] = (...shape) => shape,
  options: Parameters<typeof kernelCase>[4] = {},
): KernelCase[] => [
  kernelCase(kernel, 'a vector', [input(13)], op, options),
  kernelCase(kernel, 'four axes', [input(2, 3, 5, 1)], op, options),
  kernelCase(kernel, 'a scalar', [input()], op, options),
];

const wide = (...shape: number[]) => ({
  ...positive(...shape),
  data: positive(...shape).data.map((value, i) => (i % 2 === 0 ? 30 : -30) * (value - 0.8)),
});

export const elementwiseCases: readonly KernelCase[] = [
  ...binary('Add', tf.add),
  kernelCase('Add', 'int32', [integers(9, 3, 5), integers(9, 5)], tf.add, { gradient: false }),
  kernelCase('Add', 'int32 with float32', [integers(9, 3, 5), [5]], (a, b) => tf.add(a, b), { gradient: false }),
  ...binary('Sub', tf.sub),
  kernelCase('Sub', 'int32', [integers(9, 3, 5), integers(9, 5)], tf.sub, { gradient: false }),
  ...binary('Multiply', tf.mul),
  kernelCase('Multiply', 'int32', [integers(9, 3, 5), integers(9, 5)], tf.mul, { gradient: false }),
  ...binary('RealDiv', tf.div),
  ...binary('Maximum', tf.maximum, withoutBroadcastGradient),
  kernelCase('Maximum', 'equal elements', [float32([3], [1, 2, 3]), float32([3], [1, 0, 5])], tf.maximum),
  ...binary('Minimum', tf.minimum, withoutBroadcastGradient),
  ...binary('Pow', (a, b) => tf.pow(tf.add(tf.square(a), 0.1), b)),
  kernelCase('Pow', 'a whole exponent', [[5, 3]], a => tf.pow(a, tf.scalar(3))),
  ...binary('SquaredDifference', tf.squaredDifference, withoutBroadcastGradient),

  ...comparison('Equal', tf.equal),
  ...comparison('NotEqual', tf.notEqual),
  ...comparison('Greater', tf.greater),
  ...comparison('GreaterEqual', tf.greaterEqual),
  ...comparison('Less', tf.less),
  ...comparison('LessEqual', tf.lessEqual),
  kernelCase(
    'LogicalAnd',
    'two comparisons',
    [
      [3, 5],
      [3, 5],
    ],
    (a, b) => tf.logicalAnd(tf.greater(a, 0), tf.greater(b, 0)),
    { gradient: false },
  ),
  kernelCase('LogicalAnd', 'broadcasting', [[3, 5], [5]], (a, b) => tf.logicalAnd(tf.greater(a, 0), tf.greater(b, 0)), {
    gradient: false,
  }),
  kernelCase('LogicalNot', 'a comparison', [[3, 5]], x => tf.logicalNot(tf.greater(x, 0)), { gradient: false }),
  kernelCase('Select', 'equal shapes', [integers(2, 3, 5), [3, 5], [3, 5]], (condition, a, b) =>
    tf.where(tf.cast(condition, 'bool'), a, tf.mul(b, 2)),
  ),
  kernelCase('Select', 'a broadcast condition', [integers(2, 4, 1), [4, 3], [3]], (condition, a, b) =>
    tf.where(tf.cast(condition, 'bool'), a, b),
  ),

  ...unary('Abs', tf.abs),
  ...unary('Neg', tf.neg),
  ...unary('Exp', tf.exp),
  ...unary('Log', tf.log, positive),
  ...unary('Log1p', tf.log1p, positive),
  ...unary('Sqrt', tf.sqrt, positive),
  ...unary('Rsqrt', tf.rsqrt, positive),
  ...unary('Square', tf.square),
  ...unary('Relu', tf.relu, undefined, { reference: x => tf.maximum(x, 0) }),
  ...unary('Sigmoid', tf.sigmoid),
  kernelCase('Sigmoid', 'large arguments', [wide(4, 7)], tf.sigmoid),
  ...unary('Softplus', tf.softplus),
  kernelCase('Softplus', 'large arguments', [wide(4, 7)], tf.softplus),
  ...unary('Tanh', tf.tanh),
  kernelCase('Tanh', 'large arguments', [wide(4, 7)], tf.tanh),
  kernelCase('Step', 'alpha 0', [float32([5], [-2, -0.5, 0, 0.5, 2])], x => tf.step(x)),
  kernelCase('Step', 'alpha −0.25', [[3, 5]], x => tf.step(x, -0.25)),
  kernelCase('Step', 'in the gradient of abs', [[7]], tf.abs),

  kernelCase('Cast', 'float32 to int32 drops the fraction', [wide(3, 5)], x => tf.cast(x, 'int32'), {
    gradient: false,
  }),
  kernelCase('Cast', 'float32 to bool', [float32([4], [0, 0.25, -3, 1])], x => tf.cast(x, 'bool'), { gradient: false }),
  kernelCase('Cast', 'int32 to float32', [integers(100, 3, 5)], x => tf.cast(x, 'float32'), { gradient: false }),
  kernelCase('Cast', 'uint8 to float32', [randomBytes('cast', [4, 3])], x => tf.cast(x, 'float32'), {
    gradient: false,
  }),
  kernelCase('Add', 'uint8, which TF.js sees as int32', [randomBytes('add', [4, 3]), integers(9, 3)], tf.add, {
    gradient: false,
  }),
  kernelCase('Cast', 'bool to float32', [[3, 5]], x => tf.cast(tf.greater(x, 0), 'float32'), { gradient: false }),
  kernelCase('ZerosLike', 'float32', [[3, 5]], x => tf.add(tf.zerosLike(x), x)),
  kernelCase('ZerosLike', 'int32', [int32([2, 2], [1, 2, 3, 4])], x => tf.zerosLike(x), { gradient: false }),
  kernelCase('OnesLike', 'float32', [[3, 5]], x => tf.mul(tf.onesLike(x), x)),
  kernelCase('OnesLike', 'int32', [int32([2, 2], [1, 2, 3, 4])], x => tf.onesLike(x), { gradient: false }),
];
