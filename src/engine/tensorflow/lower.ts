/** IR → TensorFlow graph, almost one to one: each kernel of `../trace/kernels.ts` as the TensorFlow operations that compute it. */
import { EngineError } from '../../errors.js';
import type { IrDType, Node, TracedProgram, Value, ValueType } from '../trace/ir.js';
import { typeOf } from '../trace/ir.js';
import type { Output } from './cApi.js';
import type { GraphBuilder, TfAttribute } from './graph.js';
import { spatial } from './spatial.js';

interface Context {
  readonly builder: GraphBuilder;
  readonly node: Node;
  readonly inputs: readonly Output[];
  /** Where a value of this program was lowered to. */
  output(value: Value): Output;
}
type Lowering = (context: Context) => readonly Output[];

/**
 * Adds a traced program to the graph. `state` and `inputs` give the graph's outputs that stand for the program's own;
 * the result maps a value to its graph output.
 */
export function lower(
  builder: GraphBuilder,
  program: TracedProgram,
  state: Readonly<Record<string, Output>>,
  inputs: Readonly<Record<string, Output>>,
): (value: Value) => Output {
  const lowered = new Map<Node, readonly Output[]>();
  const output = ({ node, index }: Value) => lowered.get(node)![index]!;
  for (const node of program.nodes) {
    if (node.kernel === 'State') lowered.set(node, [state[node.attributes.name as string]!]);
    else if (node.kernel === 'Input') lowered.set(node, [inputs[node.attributes.name as string]!]);
    else {
      const lowering = lowerings[node.kernel];
      if (!lowering) throw new EngineError(`The tensorflow engine has no lowering for the kernel '${node.kernel}'.`);
      lowered.set(node, lowering({ builder, node, inputs: node.inputs.map(output), output }));
    }
  }
  return output;
}

/** Kernels that this engine can run. */
export function loweredKernels(): string[] {
  return Object.keys(lowerings);
}

const T = (dtype: IrDType): Record<string, TfAttribute> => ({ T: { type: dtype } });
const first = (oper: unknown): readonly Output[] => [{ oper, index: 0 }];
const inputType = (node: Node, index = 0): ValueType => typeOf(node.inputs[index]!);

/** An operation with the same inputs whose only attribute is the element type of its first input. */
const same =
  (type: string): Lowering =>
  ({ builder, node, inputs }) =>
    first(builder.operation(type, inputs, T(inputType(node).dtype)));

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

const pooled = (node: Node, image: ValueType): Record<string, TfAttribute> => {
  const window = node.attributes.window as number[];
  return { ...T('float32'), ksize: { ints: [1, ...window, 1] }, ...spatial(node.attributes, image.shape, window) };
};

/** A scalar constant of any element type. */
function element(builder: GraphBuilder, dtype: IrDType, value: number): Output {
  if (dtype === 'float32') return builder.constant(dtype, [], Float32Array.of(value));
  if (dtype === 'int32') return builder.constant(dtype, [], Int32Array.of(value));
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

const lowerings: Readonly<Record<string, Lowering>> = {
  Constant: ({ builder, node }) => {
    const { dtype, shape } = node.outputs[0]!;
    const data = node.constant!.data;
    return [builder.constant(dtype, shape, dtype === 'bool' ? Uint8Array.from(data) : data)];
  },

  Add: same('AddV2'),
  Sub: same('Sub'),
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
    if (value === 0) return first(builder.operation('Pad', [inputs[0]!, amounts], attributes)); // Pad fuses into a convolution, PadV2 does not
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
  Conv2D: ({ builder, node, inputs }) =>
    first(
      builder.operation('Conv2D', inputs, {
        ...T('float32'),
        ...spatial(node.attributes, inputType(node).shape, inputType(node, 1).shape),
      }),
    ),
  Conv2DBackpropInput: ({ builder, node, inputs }) => {
    const image = node.outputs[0]!.shape;
    const attributes = { ...T('float32'), ...spatial(node.attributes, image, inputType(node, 1).shape) };
    return first(builder.operation('Conv2DBackpropInput', [builder.vector(image), inputs[1]!, inputs[0]!], attributes));
  },
  Conv2DBackpropFilter: ({ builder, node, inputs }) => {
    const filter = node.outputs[0]!.shape;
    const attributes = { ...T('float32'), ...spatial(node.attributes, inputType(node).shape, filter) };
    return first(
      builder.operation('Conv2DBackpropFilter', [inputs[0]!, builder.vector(filter), inputs[1]!], attributes),
    );
  },
  AvgPool: ({ builder, node, inputs }) => first(builder.operation('AvgPool', inputs, pooled(node, inputType(node)))),
  AvgPoolGrad: ({ builder, node, inputs }) =>
    first(
      builder.operation(
        'AvgPoolGrad',
        [builder.vector(inputType(node, 1).shape), inputs[0]!],
        pooled(node, inputType(node, 1)),
      ),
    ),
  MaxPool: ({ builder, node, inputs }) => first(builder.operation('MaxPool', inputs, pooled(node, inputType(node)))),
  MaxPoolGrad: ({ builder, node, inputs: [dy, image, output] }) =>
    first(builder.operation('MaxPoolGrad', [image!, output!, dy!], pooled(node, inputType(node, 1)))),
  FusedBatchNorm: ({ builder, node, inputs }) =>
    first(builder.operation('FusedBatchNormV3', inputs, batchNorm(node, false))),

  ReluGrad: same('ReluGrad'),
  BatchNormTrain: ({ builder, node, inputs }) => {
    const empty = builder.constant('float32', [0], new Float32Array(0));
    const oper = builder.operation('FusedBatchNormV3', [...inputs, empty, empty], batchNorm(node, true));
    return [0, 1, 2, 3, 4].map(index => ({ oper, index }));
  },
  BatchNormTrainGrad: ({ builder, node, inputs, output }) => {
    // TensorFlow's gradient takes a third reserve space, which only its own forward operation can make
    const forward = output(node.inputs[4]!);
    const reserve = [...inputs.slice(3), { oper: forward.oper, index: 5 }];
    const oper = builder.operation('FusedBatchNormGradV3', [...inputs.slice(0, 3), ...reserve], batchNorm(node, true));
    return [0, 1, 2].map(index => ({ oper, index }));
  },
  SparseSoftmaxCrossEntropy: ({ builder, inputs }) => {
    const oper = builder.operation('SparseSoftmaxCrossEntropyWithLogits', inputs, {
      ...T('float32'),
      Tlabels: { type: 'int32' },
    });
    return [0, 1].map(index => ({ oper, index }));
  },
};

function batchNorm(node: Node, training: boolean): Record<string, TfAttribute> {
  return {
    ...T('float32'),
    U: { type: 'float32' },
    epsilon: { float: node.attributes.epsilon as number },
    is_training: { bool: training },
  };
}
