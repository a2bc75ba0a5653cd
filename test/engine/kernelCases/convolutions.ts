import * as tf from '@tensorflow/tfjs';
import { groupedConv2d } from '../../../src/engine/trainingKernels.js';
import { float32 } from '../../numbers.js';
import { integers, type KernelCase, kernelCase } from './kernelCase.js';

type Pad = Parameters<typeof tf.conv2d>[3];
type Pair = [number, number];
interface Convolution {
  readonly image: readonly [number, number, number, number];
  readonly filter: readonly [number, number, number, number];
  readonly strides: number | Pair;
  readonly pad: Pad;
}

const describe = ({ image, filter, strides, pad }: Convolution) =>
  `${filter.slice(0, 2).join('×')} over ${image.join('×')}, stride ${strides}, padding ${JSON.stringify(pad)}`;

const convolutions: readonly Convolution[] = [
  { image: [2, 5, 7, 3], filter: [3, 3, 3, 4], strides: 1, pad: 'same' },
  { image: [2, 5, 7, 3], filter: [3, 3, 3, 4], strides: 1, pad: 'valid' },
  { image: [2, 5, 7, 3], filter: [3, 3, 3, 4], strides: 2, pad: 'same' },
  { image: [2, 6, 8, 3], filter: [3, 3, 3, 4], strides: 2, pad: 'same' },
  { image: [2, 6, 8, 3], filter: [3, 3, 3, 4], strides: 2, pad: 'valid' },
  { image: [2, 6, 8, 3], filter: [3, 3, 3, 4], strides: 2, pad: 1 },
  { image: [2, 5, 7, 3], filter: [3, 3, 3, 4], strides: 1, pad: 2 },
  { image: [1, 7, 5, 2], filter: [1, 1, 2, 5], strides: 1, pad: 'valid' },
  { image: [1, 7, 5, 2], filter: [1, 1, 2, 5], strides: 2, pad: 'same' },
  { image: [3, 6, 6, 1], filter: [2, 4, 1, 3], strides: [2, 1], pad: 'same' },
  { image: [1, 9, 9, 3], filter: [7, 7, 3, 2], strides: 2, pad: 3 },
  // of the engine tensorflow: by gala's own operations where they are installed
  { image: [2, 7, 9, 16], filter: [3, 3, 16, 32], strides: 1, pad: 'same' },
  { image: [1, 4, 4, 32], filter: [3, 3, 32, 16], strides: 1, pad: 1 },
];

const asymmetric: Pad = [
  [0, 0],
  [1, 0],
  [0, 2],
  [0, 0],
];

const conv2dCases = (kernel: string): KernelCase[] =>
  convolutions.map(convolution =>
    kernelCase(
      kernel,
      describe(convolution),
      [convolution.image, convolution.filter],
      (x, filter) => tf.conv2d(x, filter, convolution.strides, convolution.pad),
      { gradient: kernel !== 'Conv2D' },
    ),
  );

/** The second size of a filter is the channels of one group. */
const groupedConvolutions = [
  { image: [2, 5, 7, 4], filter: [3, 3, 2, 6], strides: 1, pad: 'same' },
  { image: [2, 6, 8, 12], filter: [3, 3, 4, 12], strides: 1, pad: 'valid' },
  { image: [2, 7, 5, 8], filter: [3, 3, 4, 4], strides: 2, pad: 'valid' },
  { image: [3, 4, 4, 6], filter: [1, 1, 1, 12], strides: 1, pad: 'same' },
  { image: [1, 9, 9, 64], filter: [3, 3, 2, 64], strides: 2, pad: 'valid' },
] as const satisfies readonly Convolution[];

/** Groups one by one, each a convolution of its own. */
const groupByGroup =
  (strides: number, pad: 'same' | 'valid') =>
  (x: tf.Tensor4D, filter: tf.Tensor4D): tf.Tensor => {
    const groups = x.shape[3] / filter.shape[2];
    const filters = tf.split(filter, groups, 3);
    return tf.concat(
      tf
        .split(x, groups, 3)
        .map((image, g) => tf.conv2d(image as tf.Tensor4D, filters[g] as tf.Tensor4D, strides, pad)),
      3,
    );
  };

const groupedCases = (kernel: string): KernelCase[] =>
  groupedConvolutions.map(convolution =>
    kernelCase(
      kernel,
      `${convolution.image[3] / convolution.filter[2]} groups, ${describe(convolution)}`,
      [convolution.image, convolution.filter],
      (x, filter) => groupedConv2d(x, filter, convolution.strides, convolution.pad),
      { reference: groupByGroup(convolution.strides, convolution.pad), gradient: kernel !== 'GroupedConv2D' },
    ),
  );

interface Pool {
  readonly image: readonly [number, number, number, number];
  readonly window: number | Pair;
  readonly strides: number | Pair;
  readonly pad: 'same' | 'valid' | number;
}

const pools: readonly Pool[] = [
  { image: [2, 6, 8, 3], window: 1, strides: 2, pad: 'valid' },
  { image: [2, 5, 7, 3], window: 1, strides: 2, pad: 'valid' },
  { image: [2, 6, 8, 3], window: 2, strides: 2, pad: 'valid' },
  { image: [2, 5, 7, 3], window: 3, strides: 2, pad: 'valid' },
  { image: [2, 5, 7, 3], window: 3, strides: 1, pad: 'same' },
  { image: [2, 6, 8, 3], window: 3, strides: 2, pad: 'same' },
  { image: [1, 5, 7, 2], window: [3, 2], strides: [1, 2], pad: 'same' },
];

/** Pixels of so many values: the fewer, the more windows hold their maximum several times. */
const ties = (values: number, ...shape: number[]) => {
  const { data } = integers(values, ...shape);
  return float32(shape, [...data]);
};

const poolName = ({ image, window, strides, pad }: Pool) =>
  `window ${window} over ${image.join('×')}, stride ${strides}, padding ${pad}`;

/**
 * SAME average pooling whose border windows divide by the pixels they cover. TF.js' reference backend does so in the
 * value, but its gradient divides by the whole window.
 */
const averagePool =
  ({ window, strides, pad }: Pool) =>
  (x: tf.Tensor4D) => {
    if (pad !== 'same') return tf.avgPool(x, window, strides, pad);
    const [height, width] = typeof window === 'number' ? [window, window] : window;
    const channels = x.shape[3];
    const filter = tf.mul(tf.eye(channels), 1).reshape([1, 1, channels, channels]).tile([height, width, 1, 1]);
    const sums = (images: tf.Tensor4D) => tf.conv2d(images, filter as tf.Tensor4D, strides, 'same');
    return tf.div(sums(x), sums(tf.onesLike(x)));
  };

const poolCases = (kernel: string, op: typeof tf.avgPool, reference?: (pool: Pool) => (x: tf.Tensor4D) => tf.Tensor) =>
  pools.map(pool => {
    const apply = (x: tf.Tensor4D) => op(x, pool.window, pool.strides, pool.pad);
    return kernelCase(kernel, poolName(pool), [pool.image], apply, {
      reference: reference ? reference(pool) : apply,
      gradient: kernel.endsWith('Grad'),
    });
  });

export const convolutionCases: readonly KernelCase[] = [
  kernelCase(
    'BatchMatMul',
    'two matrices',
    [
      [5, 3],
      [3, 7],
    ],
    (a, b) => tf.matMul(a, b),
  ),
  kernelCase(
    'BatchMatMul',
    'transposed on the right',
    [
      [5, 3],
      [7, 3],
    ],
    (a, b) => tf.matMul(a, b, false, true),
  ),
  kernelCase(
    'BatchMatMul',
    'transposed on the left',
    [
      [3, 5],
      [3, 7],
    ],
    (a, b) => tf.matMul(a, b, true, false),
  ),
  kernelCase(
    'BatchMatMul',
    'both transposed, one row',
    [
      [3, 1],
      [7, 3],
    ],
    (a, b) => tf.matMul(a, b, true, true),
  ),
  kernelCase(
    'BatchMatMul',
    'batches of matrices',
    [
      [4, 2, 3],
      [4, 3, 5],
    ],
    (a, b) => tf.matMul(a, b),
  ),
  kernelCase(
    'BatchMatMul',
    'one matrix on the left of many',
    [
      [1, 2, 3],
      [4, 3, 5],
    ],
    (a, b) => tf.matMul(a, b),
    { gradient: false },
  ),
  ...conv2dCases('Conv2D'),
  kernelCase(
    'Conv2D',
    'dilation 2',
    [
      [2, 9, 7, 3],
      [3, 3, 3, 4],
    ],
    (x, filter) => tf.conv2d(x, filter, 1, 'same', 'NHWC', 2),
    { gradient: false },
  ),
  kernelCase(
    'Conv2D',
    'dilation 2 by 3 without padding',
    [
      [2, 9, 9, 3],
      [3, 2, 3, 4],
    ],
    (x, filter) => tf.conv2d(x, filter, 1, 'valid', 'NHWC', [2, 3]),
    { gradient: false },
  ),
  kernelCase(
    'Conv2D',
    'padding of one side',
    [
      [2, 6, 5, 3],
      [3, 3, 3, 2],
    ],
    (x, filter) => tf.conv2d(x, filter, 2, asymmetric),
    { gradient: false },
  ),
  ...conv2dCases('Conv2DBackpropInput'),
  ...conv2dCases('Conv2DBackpropFilter'),
  ...groupedCases('GroupedConv2D'),
  ...groupedCases('GroupedConv2DBackpropInput'),
  ...groupedCases('GroupedConv2DBackpropFilter'),
  ...poolCases('AvgPool', tf.avgPool),
  ...poolCases('AvgPoolGrad', tf.avgPool, averagePool),
  ...poolCases('MaxPool', tf.maxPool),
  kernelCase('MaxPool', 'padding 1', [[2, 6, 7, 3]], x => tf.maxPool(x, 3, 2, 1), { gradient: false }),
  ...poolCases('MaxPoolGrad', tf.maxPool),
  kernelCase('MaxPoolGrad', 'padding 1', [[2, 6, 7, 3]], x => tf.maxPool(x, 3, 2, 1)),
  // Each window's gradient goes to the first of its pixels that hold the maximum
  kernelCase('MaxPoolGrad', 'equal pixels everywhere', [ties(1, 2, 6, 7, 3)], x => tf.maxPool(x, 3, 2, 1)),
  kernelCase('MaxPoolGrad', 'ties in overlapping windows', [ties(3, 2, 6, 7, 3)], x => tf.maxPool(x, 3, 2, 1)),
  kernelCase('MaxPoolGrad', 'ties in windows side by side', [ties(2, 2, 6, 8, 3)], x => tf.maxPool(x, 2, 2, 'valid')),
  kernelCase('MaxPoolGrad', 'ties, pixels of no window', [ties(2, 1, 8, 8, 2)], x => tf.maxPool(x, [2, 3], 4, 'valid')),
  kernelCase('MaxPoolGrad', 'ties, stride 1', [ties(2, 1, 5, 6, 2)], x => tf.maxPool(x, [2, 3], 1, 'same')),
];
