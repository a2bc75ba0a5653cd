/** Kernels on tensors of any shape: arithmetic, shapes, indexing, reductions, matrices. */
import type { HostTensor } from '../../tensor.js';
import { sizeOf } from '../../tensor.js';
import type { Hlo, HloBuilder, Reduction } from './builder.js';
import { elementwise, type Lowering, like, productPrecision, same } from './lowering.js';
import { arrayText, listText, typeText } from './text.js';

const comparison = (direction: Parameters<HloBuilder['compare']>[0]): Lowering =>
  elementwise((builder, a, b) => builder.compare(direction, a!, b!));

const reduction =
  (how: Reduction): Lowering =>
  ({ builder, node, inputs }) => {
    const reduced = builder.reduce(inputs[0]!, node.attributes.axes as number[], how);
    return [builder.reshape(reduced, node.outputs[0]!.shape)];
  };

const shapeOnly: Lowering = ({ builder, node, inputs }) => [builder.reshape(inputs[0]!, node.outputs[0]!.shape)];

const fill =
  (value: number | undefined): Lowering =>
  ({ builder, node }) => [builder.full(node.outputs[0]!, value ?? (node.attributes.value as number))];

/** Compares `labels` [...] with each index 0 … depth − 1: bool [..., depth]. */
function isIndex(builder: HloBuilder, labels: Hlo, depth: number): Hlo {
  const shape = [...labels.type.shape, depth];
  const axes = labels.type.shape.map((_, axis) => axis);
  return builder.compare('EQ', builder.iota(shape, axes.length), builder.broadcastInDim(labels, shape, axes));
}

/** Along the last axis of `x`: x − max(x), the sum of its exponentials [...], and the softmax. */
function exponentials(builder: HloBuilder, x: Hlo) {
  const last = x.type.shape.length - 1;
  const leading = x.type.shape.slice(0, -1).map((_, axis) => axis);
  const repeated = (reduced: Hlo) => builder.broadcastInDim(reduced, x.type.shape, leading);
  const shifted = builder.apply('subtract', x, repeated(builder.reduce(x, [last], 'maximum')));
  const powers = builder.apply('exponential', shifted);
  const sum = builder.reduce(powers, [last], 'add');
  // Without the barrier XLA for GPUs computes the softmax again in each kernel that uses it
  const [softmax] = builder.barrier([builder.apply('divide', powers, repeated(sum))]) as [Hlo];
  return { shifted, sum, softmax };
}

export const plainKernels: Readonly<Record<string, Lowering>> = {
  Constant: ({ builder, node }) => {
    const { dtype, shape } = node.outputs[0]!;
    const { data } = node.constant!;
    if (dtype !== 'bool') return [builder.constant(node.constant!)];
    const bytes: HostTensor = { dtype: 'uint8', shape, data: Uint8Array.from(data) };
    const numbers = builder.constant(bytes);
    return [builder.compare('NE', numbers, like(builder, numbers, 0))];
  },

  Add: same('add'),
  Sub: same('subtract'),
  Multiply: same('multiply'),
  RealDiv: same('divide'),
  Maximum: same('maximum'),
  Minimum: same('minimum'),
  Pow: same('power'),
  SquaredDifference: elementwise((builder, a, b) => {
    const difference = builder.apply('subtract', a!, b!);
    return builder.apply('multiply', difference, difference);
  }),
  Equal: comparison('EQ'),
  NotEqual: comparison('NE'),
  Greater: comparison('GT'),
  GreaterEqual: comparison('GE'),
  Less: comparison('LT'),
  LessEqual: comparison('LE'),
  LogicalAnd: same('and'),
  LogicalNot: same('not'),
  Select: elementwise((builder, condition, yes, no) => builder.select(condition!, yes!, no!)),
  Abs: same('abs'),
  Neg: same('negate'),
  Exp: same('exponential'),
  Log: same('log'),
  Log1p: same('log_plus_one'),
  Sqrt: same('sqrt'),
  Rsqrt: same('rsqrt'),
  Square: ({ builder, inputs: [x] }) => [builder.apply('multiply', x!, x!)],
  Relu: ({ builder, inputs: [x] }) => [builder.apply('maximum', x!, like(builder, x!, 0))],
  ReluGrad: ({ builder, inputs: [dy, y] }) => [
    builder.select(builder.compare('GT', y!, like(builder, y!, 0)), dy!, like(builder, dy!, 0)),
  ],
  Sigmoid: same('logistic'),
  Softplus: ({ builder, inputs: [x] }) => {
    // log(1 + e^x) without overflow: max(x, 0) + log1p(e^−|x|)
    const small = builder.apply('exponential', builder.apply('negate', builder.apply('abs', x!)));
    const positive = builder.apply('maximum', x!, like(builder, x!, 0));
    return [builder.apply('add', positive, builder.apply('log_plus_one', small))];
  },
  Tanh: same('tanh'),
  Step: ({ builder, node, inputs: [x] }) => {
    const positive = builder.compare('GT', x!, like(builder, x!, 0));
    return [builder.select(positive, like(builder, x!, 1), like(builder, x!, node.attributes.alpha as number))];
  },
  Cast: ({ builder, node, inputs: [x] }) => {
    const { dtype } = node.outputs[0]!;
    if (dtype !== 'bool' || x!.type.dtype === 'bool') return [builder.convert(x!, dtype)];
    return [builder.compare('NE', x!, like(builder, x!, 0))];
  },
  ZerosLike: fill(0),
  OnesLike: fill(1),
  Fill: fill(undefined),

  Reshape: shapeOnly,
  ExpandDims: shapeOnly,
  Transpose: ({ builder, node, inputs: [x] }) => [builder.transpose(x!, node.attributes.perm as number[])],
  Slice: ({ builder, node, inputs: [x] }) => {
    const { begin, size } = node.attributes as { begin: number[]; size: number[] };
    const end = begin.map((start, axis) => start + size[axis]!);
    return [builder.slice(x!, begin, end)];
  },
  PadV2: ({ builder, node, inputs: [x] }) => {
    const paddings = node.attributes.paddings as [number, number][];
    const [low, high] = [paddings.map(([before]) => before), paddings.map(([, after]) => after)];
    const none = paddings.map(() => 0);
    return [builder.pad(x!, node.attributes.value as number, low, high, none)];
  },
  Concat: ({ builder, node, inputs }) => [builder.concatenate(inputs, node.attributes.axis as number)],
  SplitV: ({ builder, node, inputs: [x] }) => {
    const { axis, sizes } = node.attributes as { axis: number; sizes: number[] };
    const { shape } = x!.type;
    let start = 0;
    return sizes.map(size => {
      const begin = shape.map((_, i) => (i === axis ? start : 0));
      start += size;
      return builder.slice(x!, begin, shape.with(axis, start));
    });
  },
  Tile: ({ builder, node, inputs: [x] }) => {
    const reps = node.attributes.reps as number[];
    const { shape } = x!.type;
    const repeated = shape.flatMap((size, axis) => [reps[axis]!, size]);
    const own = shape.map((_, axis) => 2 * axis + 1);
    return [builder.reshape(builder.broadcastInDim(x!, repeated, own), node.outputs[0]!.shape)];
  },

  GatherV2: ({ builder, node, inputs: [x, indices] }) => {
    const axis = node.attributes.axis as number;
    const type = node.outputs[0]!;
    const rank = indices!.type.shape.length;
    const offsets = type.shape.map((_, i) => i).filter(i => i < axis || i >= axis + rank);
    const numbers = [
      `offset_dims = ${listText(offsets)}`,
      `collapsed_slice_dims = [${axis}]`,
      `start_index_map = [${axis}]`,
      `index_vector_dim = ${rank}`,
    ].join(', ');
    const sizes = arrayText(x!.type.shape.with(axis, 1));
    const attributes = `dimension_numbers = #stablehlo.gather<${numbers}>, slice_sizes = ${sizes}`;
    const types = `(${typeText(x!.type)}, ${typeText(indices!.type)}) -> ${typeText(type)}`;
    return [builder.emit(type, `"stablehlo.gather"(${x!.name}, ${indices!.name}) {${attributes}} : ${types}`)];
  },
  OneHot: ({ builder, node, inputs: [indices] }) => {
    const { depth, on, off } = node.attributes as { depth: number; on: number; off: number };
    const type = node.outputs[0]!;
    return [builder.select(isIndex(builder, indices!, depth), builder.full(type, on), builder.full(type, off))];
  },
  UnsortedSegmentSum: ({ builder, node, inputs: [x, ids] }) => {
    // Not a scatter, because XLA sorts to fix the order of its additions. Ids outside of the range equal no index.
    const { segments } = node.attributes as { segments: number };
    const rank = ids!.type.shape.length;
    const shape = [...x!.type.shape.slice(0, rank), segments, ...x!.type.shape.slice(rank)];
    const axes = shape.map((_, axis) => axis);
    const isIn = builder.broadcastInDim(isIndex(builder, ids!, segments), shape, axes.slice(0, rank + 1));
    const values = builder.broadcastInDim(x!, shape, axes.toSpliced(rank, 1));
    const own = builder.select(isIn, values, like(builder, values, 0));
    return [builder.reduce(own, axes.slice(0, rank), 'add')];
  },

  Sum: reduction('add'),
  Mean: context => {
    const [sum] = reduction('add')(context);
    const count = sizeOf(context.inputs[0]!.type.shape) / sizeOf(sum!.type.shape);
    return [context.builder.apply('divide', sum!, like(context.builder, sum!, count))];
  },
  Max: reduction('maximum'),
  Min: reduction('minimum'),
  ArgMax: ({ builder, node, inputs: [x] }) => {
    // The smallest index with the maximum
    const axis = (node.attributes.axes as number[])[0]!;
    const { shape } = x!.type;
    const others = shape.map((_, i) => i).filter(i => i !== axis);
    const largest = builder.broadcastInDim(builder.reduce(x!, [axis], 'maximum'), shape, others);
    const index = builder.iota(shape, axis);
    const candidates = builder.select(
      builder.compare('EQ', x!, largest),
      index,
      like(builder, index, shape[axis]! - 1),
    );
    return [builder.reshape(builder.reduce(candidates, [axis], 'minimum'), node.outputs[0]!.shape)];
  },
  Softmax: ({ builder, inputs: [x] }) => [exponentials(builder, x!).softmax],

  BatchMatMul: context => {
    const { builder, node, inputs } = context;
    const { transposeA, transposeB } = node.attributes;
    const type = node.outputs[0]!;
    const rank = type.shape.length;
    const batch = type.shape.slice(0, -2);
    const [a, b] = inputs.map(input => builder.broadcast(input, [...batch, ...input.type.shape.slice(-2)]));
    const axes = listText(batch.map((_, axis) => axis));
    const batching = rank > 2 ? `batching_dims = ${axes} x ${axes}, ` : '';
    const contracting = `contracting_dims = [${rank - (transposeA ? 2 : 1)}] x [${rank - (transposeB ? 1 : 2)}]`;
    const types = `(${typeText(a!.type)}, ${typeText(b!.type)}) -> ${typeText(type)}`;
    const precision = productPrecision(context, a!);
    return [
      builder.emit(
        type,
        `stablehlo.dot_general ${a!.name}, ${b!.name}, ${batching}${contracting}, precision = [${precision}, ` +
          `${precision}] : ${types}`,
      ),
    ];
  },
  SparseSoftmaxCrossEntropy: ({ builder, inputs: [logits, labels] }) => {
    const { shifted, sum, softmax } = exponentials(builder, logits!);
    const isLabel = isIndex(builder, labels!, logits!.type.shape[1]!);
    const own = builder.reduce(builder.select(isLabel, shifted, like(builder, shifted, 0)), [1], 'add');
    const loss = builder.apply('subtract', builder.apply('log', sum), own);
    return [loss, builder.apply('subtract', softmax, builder.convert(isLabel, 'float32'))];
  },
};
