import * as tf from '@tensorflow/tfjs';
import { int32 } from '../../numbers.js';
import { integers, type KernelCase, kernelCase } from './kernelCase.js';

/** `unsortedSegmentSum` of TF.js takes ids of one axis. */
const segmentSum = (segments: number) => (x: tf.Tensor, ids: tf.Tensor1D) => tf.unsortedSegmentSum(x, ids, segments);

export const shapeCases: readonly KernelCase[] = [
  kernelCase('Reshape', 'to fewer axes', [[3, 5, 2]], x => tf.reshape(x, [5, 6])),
  kernelCase('Reshape', 'an inferred size', [[3, 5, 2]], x => tf.reshape(x, [2, -1])),
  kernelCase('Reshape', 'to a scalar', [[1, 1]], x => tf.reshape(x, [])),
  kernelCase('ExpandDims', 'in front', [[3, 5]], x => tf.expandDims(x, 0)),
  kernelCase('ExpandDims', 'a negative axis', [[3, 5]], x => tf.expandDims(x, -1)),
  kernelCase('ExpandDims', 'between axes', [[3, 5]], x => tf.expandDims(x, -2)),
  kernelCase('Transpose', 'two axes', [[3, 5]], x => tf.transpose(x)),
  kernelCase('Transpose', 'four axes', [[2, 3, 5, 7]], x => tf.transpose(x, [3, 0, 2, 1])),
  kernelCase('Slice', 'two axes', [[5, 7]], x => tf.slice(x, [1, 2], [3, 4])),
  kernelCase('Slice', 'to the end', [[5, 7, 2]], x => tf.slice(x, [1, 0, 1], [3, -1, -1])),
  kernelCase('Slice', 'leading axes only', [[5, 7]], x => tf.slice(x, [2], [2])),
  kernelCase('PadV2', 'zeros on both sides', [[2, 3]], x =>
    tf.pad(x, [
      [1, 2],
      [0, 3],
    ]),
  ),
  kernelCase(
    'PadV2',
    'another value',
    [[2, 3, 1]],
    x =>
      tf.pad(
        x,
        [
          [0, 0],
          [2, 1],
          [1, 1],
        ],
        0.75,
      ),
    {},
  ),
  kernelCase(
    'PadV2',
    'int32',
    [integers(9, 2, 3)],
    x =>
      tf.pad(
        x,
        [
          [1, 0],
          [0, 1],
        ],
        7,
      ),
    { gradient: false },
  ),
  kernelCase(
    'Concat',
    'the first axis',
    [
      [2, 3],
      [4, 3],
    ],
    (a, b) => tf.concat([a, b]),
  ),
  kernelCase(
    'Concat',
    'a negative axis, three tensors',
    [
      [2, 3, 1],
      [2, 3, 5],
      [2, 3, 2],
    ],
    (a, b, c) => tf.concat([a, b, c], -1),
  ),
  kernelCase('SplitV', 'equal parts', [[2, 6]], x => tf.sub(...(tf.split(x, 2, -1) as [tf.Tensor, tf.Tensor]))),
  kernelCase('SplitV', 'given sizes', [[5, 3]], x =>
    tf.squaredDifference(x, tf.concat([...tf.split(x, [2, -1])].reverse())),
  ),
  kernelCase('SplitV', 'one part', [[5, 3]], x => tf.split(x, 1)[0]!, { gradient: false }),
  kernelCase('Tile', 'two axes', [[2, 3]], x => tf.tile(x, [3, 2])),
  kernelCase('Tile', 'one axis of three', [[2, 1, 3]], x => tf.tile(x, [1, 5, 1])),
  kernelCase('Fill', 'float32', [[3]], x => tf.add(x, tf.fill([2, 3], 1.5))),
  kernelCase('Fill', 'int32', [integers(9, 3)], x => tf.add(x, tf.fill([2, 3], 4, 'int32')), { gradient: false }),

  kernelCase('GatherV2', 'rows', [[5, 3], int32([4], [4, 0, 0, 2])], (x, i) => tf.gather(x, i)),
  kernelCase('GatherV2', 'a negative axis', [[2, 3, 5], int32([3], [4, 0, 1])], (x, i) => tf.gather(x, i, -1)),
  kernelCase('GatherV2', 'a table of indices', [[5, 3], int32([2, 2], [4, 0, 1, 1])], (x, i) => tf.gather(x, i, 0), {}),
  kernelCase('OneHot', 'int32', [int32([5], [0, 3, 2, 6, 1])], i => tf.oneHot(i, 7), { gradient: false }),
  kernelCase('OneHot', 'an index out of range', [int32([3], [0, -1, 9])], i => tf.oneHot(i, 4), { gradient: false }),
  kernelCase(
    'OneHot',
    'float32 with other values, two axes',
    [int32([2, 3], [0, 3, 2, 1, 1, 0])],
    i => tf.oneHot(i, 4, 0.5, -0.5, 'float32'),
    { gradient: false },
  ),
  kernelCase('UnsortedSegmentSum', 'numbers', [[7], int32([7], [0, 3, 0, 2, 2, 0, 4])], segmentSum(6)),
  kernelCase('UnsortedSegmentSum', 'rows', [[5, 3], int32([5], [1, 1, 0, 3, 1])], segmentSum(4)),
  kernelCase('UnsortedSegmentSum', 'ids below 0 are left out', [[4, 2], int32([4], [1, -1, 0, 1])], segmentSum(2)),
];
