/** Kernels on tensors of any shape: arithmetic, shapes, indexing, reductions, matrices. */
import type { IrDType } from '../trace/ir.js';
import type { Output } from './cApi.js';
import type { GraphBuilder } from './graph.js';
import { first, inputType, type Lowering, same, T } from './lowering.js';

const reduction =
  (type: string): Lowering =>
  ({ builder, node, inputs }) => {
    const attributes = {
      ...T(inputType(node).dtype),
      Tidx: { type: 'int32' as const },
      keep_dims: { bool: node.attributes.keepDims as boolean },
    };
    return first(builder.operation(type, [inputs[0]!, builder.vector(node.attributes.axes as number[])], attributes));
  };

const shapeOnly: Lowering = ({ builder, node, inputs }) =>
  first(
    builder.operation('Reshape', [inputs[0]!, builder.vector(node.outputs[0]!.shape)], {
      ...T(inputType(node).dtype),
      Tshape: { type: 'int32' },
    }),
  );

/** A scalar constant of any element type; a bfloat16 is the upper half of a float32. */
function element(builder: GraphBuilder, dtype: IrDType, value: number): Output {
  if (dtype === 'float32') return builder.constant(dtype, [], Float32Array.of(value));
  if (dtype === 'int32') return builder.constant(dtype, [], Int32Array.of(value));
  if (dtype === 'bfloat16') return builder.constant(dtype, [], new Uint8Array(Float32Array.of(value).buffer, 2));
  return builder.constant(dtype, [], Uint8Array.of(value));
}

const fill =
  (value: number | undefined): Lowering =>
  ({ builder, node }) => {
    const { dtype, shape } = node.outputs[0]!;
    const content = element(builder, dtype, value ?? (node.attributes.value as number));
    return first(
      builder.operation('Fill', [builder.vector(shape), content], { ...T(dtype), index_type: { type: 'int32' } }),
    );
  };

export const plainKernels: Readonly<Record<string, Lowering>> = {
  Constant: ({ builder, node }) => {
    const { dtype, shape } = node.outputs[0]!;
    const data = node.constant!.data;
    return [builder.constant(dtype, shape, dtype === 'bool' ? Uint8Array.from(data) : data)];
  },

  Add: same('AddV2'),
  Sub: same('Sub'),
  BiasAdd: same('BiasAdd'), // from fusedOperations.ts alone
  Multiply: same('Mul'),
  RealDiv: same('RealDiv'),
  Maximum: same('Maximum'),
  Minimum: same('Minimum'),
  Pow: same('Pow'),
  SquaredDifference: same('SquaredDifference'),
  Equal: same('Equal'),
  NotEqual: same('NotEqual'),
  Greater: same('Greater'),
  GreaterEqual: same('GreaterEqual'),
  Less: same('Less'),
  LessEqual: same('LessEqual'),
  LogicalAnd: ({ builder, inputs }) => first(builder.operation('LogicalAnd', inputs)),
  LogicalNot: ({ builder, inputs }) => first(builder.operation('LogicalNot', inputs)),
  Select: ({ builder, node, inputs }) => first(builder.operation('SelectV2', inputs, T(inputType(node, 1).dtype))),
  Abs: same('Abs'),
  Neg: same('Neg'),
  Exp: same('Exp'),
  Log: same('Log'),
  Log1p: same('Log1p'),
  Sqrt: same('Sqrt'),
  Rsqrt: same('Rsqrt'),
  Square: same('Square'),
  Relu: same('Relu'),
  Sigmoid: same('Sigmoid'),
  Softplus: same('Softplus'),
  Tanh: same('Tanh'),
  Step: ({ builder, node, inputs }) => {
    const number = (value: number) => element(builder, 'float32', value);
    const positive = { oper: builder.operation('Greater', [inputs[0]!, number(0)], T('float32')), index: 0 };
    return first(
      builder.operation('SelectV2', [positive, number(1), number(node.attributes.alpha as number)], T('float32')),
    );
  },
  Cast: ({ builder, node, inputs }) =>
    first(
      builder.operation('Cast', inputs, {
        SrcT: { type: inputType(node).dtype },
        DstT: { type: node.outputs[0]!.dtype },
      }),
    ),
  ZerosLike: fill(0),
  OnesLike: fill(1),
  Fill: fill(undefined),

  Reshape: shapeOnly,
  ExpandDims: shapeOnly,
  Transpose: ({ builder, node, inputs }) =>
    first(
      builder.operation('Transpose', [inputs[0]!, builder.vector(node.attributes.perm as number[])], {
        ...T(inputType(node).dtype),
        Tperm: { type: 'int32' },
      }),
    ),
  Slice: ({ builder, node, inputs }) => {
    const { begin, size } = node.attributes as { begin: number[]; size: number[] };
    const attributes = { ...T(inputType(node).dtype), Index: { type: 'int32' as const } };
    return first(builder.operation('Slice', [inputs[0]!, builder.vector(begin), builder.vector(size)], attributes));
  },
  PadV2: ({ builder, node, inputs }) => {
    const paddings = node.attributes.paddings as [number, number][];
    const dtype = inputType(node).dtype;
    const attributes = { ...T(dtype), Tpaddings: { type: 'int32' as const } };
    const amounts = builder.constant('int32', [paddings.length, 2], Int32Array.from(paddings.flat()));
    const value = node.attributes.value as number;
    // TensorFlow fuses Pad into a convolution, but not PadV2
    if (value === 0) return first(builder.operation('Pad', [inputs[0]!, amounts], attributes));
    return first(builder.operation('PadV2', [inputs[0]!, amounts, element(builder, dtype, value)], attributes));
  },
  Concat: ({ builder, node, inputs }) =>
    first(
      builder.operation('ConcatV2', [inputs, builder.scalar(node.attributes.axis as number)], {
        ...T(inputType(node).dtype),
        N: { int: inputs.length },
        Tidx: { type: 'int32' },
      }),
    ),
  SplitV: ({ builder, node, inputs }) => {
    const { axis, sizes } = node.attributes as { axis: number; sizes: number[] };
    const oper = builder.operation('SplitV', [inputs[0]!, builder.vector(sizes), builder.scalar(axis)], {
      ...T(inputType(node).dtype),
      num_split: { int: sizes.length },
      Tlen: { type: 'int32' },
    });
    return sizes.map((_, index) => ({ oper, index }));
  },
  Tile: ({ builder, node, inputs }) =>
    first(
      builder.operation('Tile', [inputs[0]!, builder.vector(node.attributes.reps as number[])], {
        ...T(inputType(node).dtype),
        Tmultiples: { type: 'int32' },
      }),
    ),

  GatherV2: ({ builder, node, inputs }) =>
    first(
      builder.operation('GatherV2', [inputs[0]!, inputs[1]!, builder.scalar(node.attributes.axis as number)], {
        Tparams: { type: inputType(node).dtype },
        Tindices: { type: 'int32' },
        Taxis: { type: 'int32' },
      }),
    ),
  OneHot: ({ builder, node, inputs }) => {
    const { depth, on, off } = node.attributes as { depth: number; on: number; off: number };
    const dtype = node.outputs[0]!.dtype;
    const attributes = { ...T(dtype), TI: { type: 'int32' as const }, axis: { int: -1 } };
    const values = [element(builder, dtype, on), element(builder, dtype, off)];
    return first(builder.operation('OneHot', [inputs[0]!, builder.scalar(depth), ...values], attributes));
  },
  UnsortedSegmentSum: ({ builder, node, inputs }) =>
    first(
      builder.operation(
        'UnsortedSegmentSum',
        [inputs[0]!, inputs[1]!, builder.scalar(node.attributes.segments as number)],
        {
          ...T(inputType(node).dtype),
          Tindices: { type: 'int32' },
          Tnumsegments: { type: 'int32' },
        },
      ),
    ),

  Sum: reduction('Sum'),
  Mean: reduction('Mean'),
  Max: reduction('Max'),
  Min: reduction('Min'),
  ArgMax: ({ builder, node, inputs }) =>
    first(
      builder.operation('ArgMax', [inputs[0]!, builder.scalar((node.attributes.axes as number[])[0]!)], {
        ...T(inputType(node).dtype),
        Tidx: { type: 'int32' },
        output_type: { type: 'int32' },
      }),
    ),
  Softmax: same('Softmax'),

  BatchMatMul: ({ builder, node, inputs }) =>
    first(
      builder.operation('BatchMatMulV2', inputs, {
        ...T(inputType(node).dtype),
        adj_x: { bool: node.attributes.transposeA as boolean },
        adj_y: { bool: node.attributes.transposeB as boolean },
      }),
    ),
  SparseSoftmaxCrossEntropy: ({ builder, inputs }) => {
    const oper = builder.operation('SparseSoftmaxCrossEntropyWithLogits', inputs, {
      ...T('float32'),
      Tlabels: { type: 'int32' },
    });
    return [0, 1].map(index => ({ oper, index }));
  },
};
