/**
 * The kernels that a traced program can use: for each one the order of its inputs, its attributes, and the types of its
 * outputs. Every lowering covers this list; `test/engine/kernels.test.ts` tests each entry.
 */
import tf from '../../tfjs.cjs';
import type { Attributes, ValueType } from './ir.js';
import { convolution, pooling, unsupported } from './windows.js';

type Attrs = Record<string, unknown>;

export interface KernelRule {
  /** Names of the kernel's inputs, in the order of the graph; `list` for kernels with any number of tensors. */
  readonly inputs: readonly string[] | 'list';
  /** Type to which the inputs are cast before the kernel. */
  readonly operands?: 'float32';
  /** Present where TF.js expects a list of tensors even for a single output. */
  readonly outputs?: 'list';
  infer(inputs: readonly ValueType[], attrs: Attrs): { attributes: Attributes; outputs: readonly ValueType[] };
}

const one = (type: ValueType, attributes: Attributes = {}) => ({ attributes, outputs: [type] });

const elementwise = (...inputs: string[]): KernelRule => ({
  inputs,
  infer: types => {
    const shape = types.map(t => [...t.shape]).reduce((a, b) => tf.broadcast_util.assertAndGetBroadcastShape(a, b));
    return one({ dtype: types[0]!.dtype, shape });
  },
});
const comparison: KernelRule = {
  inputs: ['a', 'b'],
  infer: (types, attrs) => one({ ...elementwise('a', 'b').infer(types, attrs).outputs[0]!, dtype: 'bool' }),
};
const unary = (name = 'x', keep: readonly string[] = []): KernelRule => ({
  inputs: [name],
  infer: ([x], attrs) => one(x!, Object.fromEntries(keep.map(key => [key, attrs[key] as number]))),
});
const reduction = (dtype?: 'int32'): KernelRule => ({
  inputs: ['x'],
  infer: ([x], attrs) => {
    const axis = attrs.axis ?? attrs.reductionIndices; // TF.js' Max has the second name
    const axes = tf.util.parseAxisParam(axis as number | number[], [...x!.shape]);
    const keepDims = Boolean(attrs.keepDims);
    const shape = keepDims
      ? x!.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
      : x!.shape.filter((_, axis) => !axes.includes(axis));
    return one({ dtype: dtype ?? x!.dtype, shape }, { axes, keepDims });
  },
});

const channelsOf = (x: ValueType): ValueType => ({ dtype: 'float32', shape: [x.shape.at(-1)!] });

const convolutionRule: KernelRule = {
  inputs: ['x', 'filter'],
  infer: ([x, filter], attrs) => {
    const { attributes, outShape } = convolution(x!.shape, filter!.shape, attrs);
    return one({ dtype: 'float32', shape: outShape }, attributes);
  },
};
const inputGradientRule: KernelRule = {
  inputs: ['dy', 'filter'],
  infer: ([, filter], attrs) => {
    const inputShape = attrs.inputShape as number[];
    return one({ dtype: 'float32', shape: inputShape }, convolution(inputShape, filter!.shape, attrs).attributes);
  },
};
const filterGradientRule: KernelRule = {
  inputs: ['x', 'dy'],
  infer: ([x], attrs) => {
    const filterShape = attrs.filterShape as number[];
    return one({ dtype: 'float32', shape: filterShape }, convolution(x!.shape, filterShape, attrs).attributes);
  },
};

export const kernelRules: Readonly<Record<string, KernelRule>> = {
  // Element by element
  Add: elementwise('a', 'b'),
  Sub: elementwise('a', 'b'),
  Multiply: elementwise('a', 'b'),
  RealDiv: elementwise('a', 'b'),
  Maximum: elementwise('a', 'b'),
  Minimum: elementwise('a', 'b'),
  Pow: elementwise('a', 'b'),
  SquaredDifference: elementwise('a', 'b'),
  Equal: comparison,
  NotEqual: comparison,
  Greater: comparison,
  GreaterEqual: comparison,
  Less: comparison,
  LessEqual: comparison,
  LogicalAnd: comparison,
  LogicalNot: unary(),
  Select: {
    inputs: ['condition', 't', 'e'],
    infer: ([, t]) => one(t!),
  },
  Abs: unary(),
  Neg: unary(),
  Exp: unary(),
  Log: unary(),
  Log1p: unary(),
  Sqrt: unary(),
  Rsqrt: unary(),
  Square: unary(),
  Relu: unary(),
  Sigmoid: unary(),
  Softplus: unary(),
  Tanh: unary(),
  Step: unary('x', ['alpha']),
  Cast: {
    inputs: ['x'],
    infer: ([x], attrs) => one({ dtype: attrs.dtype as 'float32', shape: x!.shape }),
  },
  ZerosLike: unary(),
  OnesLike: unary(),

  // Shape
  Reshape: {
    inputs: ['x'],
    infer: ([x], attrs) =>
      one({
        dtype: x!.dtype,
        shape: tf.util.inferFromImplicitShape(attrs.shape as number[], tf.util.sizeFromShape([...x!.shape])),
      }),
  },
  ExpandDims: {
    inputs: ['input'],
    infer: ([x], attrs) => {
      const dim = attrs.dim as number;
      const shape = [...x!.shape];
      shape.splice(dim < 0 ? shape.length + dim + 1 : dim, 0, 1);
      return one({ dtype: x!.dtype, shape });
    },
  },
  Transpose: {
    inputs: ['x'],
    infer: ([x], attrs) => {
      const perm = attrs.perm as number[];
      return one({ dtype: x!.dtype, shape: perm.map(axis => x!.shape[axis]!) }, { perm });
    },
  },
  Slice: {
    inputs: ['x'],
    infer: ([x], attrs) => {
      const info = { shape: [...x!.shape] } as tf.TensorInfo;
      const [begin, size] = tf.slice_util.parseSliceParams(info, attrs.begin as number[], attrs.size as number[]);
      return one({ dtype: x!.dtype, shape: size! }, { begin: begin!, size: size! });
    },
  },
  PadV2: {
    inputs: ['x'],
    infer: ([x], attrs) => {
      const paddings = attrs.paddings as [number, number][];
      const shape = x!.shape.map((size, axis) => size + paddings[axis]![0] + paddings[axis]![1]);
      return one({ dtype: x!.dtype, shape }, { paddings, value: (attrs.constantValue as number | undefined) ?? 0 });
    },
  },
  Concat: {
    inputs: 'list',
    infer: (types, attrs) => {
      const axis = tf.util.parseAxisParam(attrs.axis as number, [...types[0]!.shape])[0]!;
      const shape = [...types[0]!.shape];
      shape[axis] = types.reduce((sum, type) => sum + type.shape[axis]!, 0);
      return one({ dtype: types[0]!.dtype, shape }, { axis });
    },
  },
  SplitV: {
    inputs: ['x'],
    outputs: 'list',
    infer: ([x], attrs) => {
      const axis = tf.util.parseAxisParam(attrs.axis as number, [...x!.shape])[0]!;
      const info = { shape: [...x!.shape] } as tf.Tensor;
      const sizes = tf.backend_util.prepareSplitSize(info, attrs.numOrSizeSplits as number[], axis);
      const outputs = sizes.map(size => ({ dtype: x!.dtype, shape: x!.shape.with(axis, size) }));
      return { attributes: { axis, sizes }, outputs };
    },
  },
  Tile: {
    inputs: ['x'],
    infer: ([x], attrs) => {
      const reps = attrs.reps as number[];
      return one({ dtype: x!.dtype, shape: x!.shape.map((size, axis) => size * reps[axis]!) }, { reps });
    },
  },
  Fill: {
    inputs: [],
    infer: (_, attrs) =>
      one(
        { dtype: (attrs.dtype as 'float32' | undefined) ?? 'float32', shape: attrs.shape as number[] },
        { value: attrs.value as number },
      ),
  },

  // Indexing
  GatherV2: {
    inputs: ['x', 'indices'],
    infer: ([x, indices], attrs) => {
      if (attrs.batchDims) unsupported(`batchDims ${attrs.batchDims} of gather`, 'Gather without batch dimensions.');
      const axis = tf.util.parseAxisParam(attrs.axis as number, [...x!.shape])[0]!;
      const shape = [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)];
      return one({ dtype: x!.dtype, shape }, { axis });
    },
  },
  OneHot: {
    inputs: ['indices'],
    infer: ([indices], attrs) => {
      const depth = attrs.depth as number;
      const attributes = { depth, on: attrs.onValue as number, off: attrs.offValue as number };
      return one(
        { dtype: (attrs.dtype as 'int32' | undefined) ?? 'int32', shape: [...indices!.shape, depth] },
        attributes,
      );
    },
  },
  UnsortedSegmentSum: {
    inputs: ['x', 'segmentIds'],
    infer: ([x, ids], attrs) => {
      const segments = attrs.numSegments as number;
      return one({ dtype: x!.dtype, shape: [segments, ...x!.shape.slice(ids!.shape.length)] }, { segments });
    },
  },

  // Reductions
  Sum: reduction(),
  Mean: { ...reduction(), operands: 'float32' }, // the mean of integers is a fraction in TF.js too
  Max: reduction(),
  Min: reduction(),
  ArgMax: reduction('int32'),
  Softmax: unary('logits'),

  // Matrices and convolutions (NHWC, HWIO)
  BatchMatMul: {
    inputs: ['a', 'b'],
    infer: ([a, b], attrs) => {
      const transposeA = Boolean(attrs.transposeA);
      const transposeB = Boolean(attrs.transposeB);
      const rows = a!.shape.at(transposeA ? -1 : -2)!;
      const columns = b!.shape.at(transposeB ? -2 : -1)!;
      const batch = tf.broadcast_util.assertAndGetBroadcastShape(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
      return one({ dtype: a!.dtype, shape: [...batch, rows, columns] }, { transposeA, transposeB });
    },
  },
  Conv2D: convolutionRule,
  Conv2DBackpropInput: inputGradientRule,
  Conv2DBackpropFilter: filterGradientRule,
  AvgPool: {
    inputs: ['x'],
    infer: ([x], attrs) => {
      const { attributes, outShape } = pooling(x!.shape, attrs);
      return one({ dtype: 'float32', shape: outShape }, attributes);
    },
  },
  AvgPoolGrad: {
    inputs: ['dy', 'input'],
    infer: ([, input], attrs) => one(input!, pooling(input!.shape, attrs).attributes),
  },
  MaxPool: {
    inputs: ['x'],
    infer: ([x], attrs) => {
      const { attributes, outShape } = pooling(x!.shape, attrs);
      return one({ dtype: 'float32', shape: outShape }, attributes);
    },
  },
  MaxPoolGrad: {
    inputs: ['dy', 'input', 'output'],
    infer: ([, input], attrs) => one(input!, pooling(input!.shape, attrs).attributes),
  },
  FusedBatchNorm: {
    inputs: ['x', 'scale', 'offset', 'mean', 'variance'],
    infer: ([x], attrs) => one(x!, { epsilon: attrs.varianceEpsilon as number }),
  },

  // Training kernels that TF.js lacks (../trainingKernels.ts)
  GroupedConv2D: convolutionRule,
  GroupedConv2DBackpropInput: inputGradientRule,
  GroupedConv2DBackpropFilter: filterGradientRule,
  ReluGrad: { inputs: ['dy', 'y'], infer: ([dy]) => one(dy!) },
  BatchNormTrain: {
    inputs: ['x', 'scale', 'offset'],
    infer: ([x], attrs) => ({
      attributes: { epsilon: attrs.epsilon as number },
      outputs: [x!, channelsOf(x!), channelsOf(x!), channelsOf(x!), channelsOf(x!)],
    }),
  },
  BatchNormTrainGrad: {
    inputs: ['dy', 'x', 'scale', 'savedMean', 'savedVariance'],
    infer: ([, x], attrs) => ({
      attributes: { epsilon: attrs.epsilon as number },
      outputs: [x!, channelsOf(x!), channelsOf(x!)],
    }),
  },
  SparseSoftmaxCrossEntropy: {
    inputs: ['logits', 'labels'],
    infer: ([logits]) => ({ attributes: {}, outputs: [{ dtype: 'float32', shape: [logits!.shape[0]!] }, logits!] }),
  },
};
