/**
 * Lowers traced evaluation programs to an ONNX graph. Images are NHWC in a traced program and NCHW in ONNX, because
 * runtimes have kernels for NCHW: axes are renumbered, and filters HWIO become OIHW. The batch may have any size: no
 * lowered kernel contains it.
 */
import { EngineError } from '../../errors.js';
import type { HostTensor, HostTensors } from '../../tensor.js';
import { type Node, type TracedProgram, typeOf, type Value } from '../trace/ir.js';
import type { OnnxAttribute, OnnxGraph } from './graph.js';

interface OnnxContext {
  readonly graph: OnnxGraph;
  readonly node: Node;
  /** Names of the node's inputs in the graph, images NCHW. */
  readonly inputs: readonly string[];
  /** Name and values of the `index`-th input, which is a constant. */
  weight(index: number): { readonly name: string; readonly tensor: HostTensor };
  readonly layOut: OnnxNames['layOut'];
}
type Lowering = (context: OnnxContext) => string;

export interface OnnxNames {
  /** The name of a state entry in the file. */
  readonly weight: (entry: string) => string;
  /** Converts a filter from HWIO to OIHW. */
  readonly layOut: (filter: HostTensor) => HostTensor;
  /** The graph's input for each input of the program; images are NCHW. */
  readonly inputs: Readonly<Record<string, string>>;
}

/**
 * Adds a traced program to the graph. Returns a function from a value of the program to its name in the graph. Throws
 * `EngineError` for a kernel without a lowering.
 */
export function lowerToOnnx(
  graph: OnnxGraph,
  program: TracedProgram,
  state: HostTensors,
  names: OnnxNames,
): (value: Value) => string {
  const lowered = new Map<Node, string>();
  const constants = new Map<Node, { name: string; tensor: HostTensor }>();
  const constantOf = (node: Node) => {
    const known = constants.get(node);
    if (known) return known;
    const entry = node.attributes.name as string;
    const found =
      node.kernel === 'State'
        ? { name: names.weight(entry), tensor: state[entry]! }
        : { name: graph.fresh('constant'), tensor: node.constant! };
    constants.set(node, found);
    return found;
  };
  const isConstant = ({ kernel }: Node) => kernel === 'State' || kernel === 'Constant';
  const nameOf = ({ node }: Value, rank: number): string => {
    if (!isConstant(node)) return lowered.get(node)!;
    const { name, tensor } = constantOf(node);
    if (rank < 4 || tensor.shape.length === 0) return graph.constant(name, tensor);
    if (tensor.shape.length !== 1)
      throw new EngineError(`ONNX: ${name} [${tensor.shape}] beside images has no lowering.`);
    // One value per channel: along the channel axis of images
    return graph.constant(`${name}.channels`, { ...tensor, shape: [tensor.shape[0]!, 1, 1] });
  };
  for (const node of program.nodes) {
    if (isConstant(node)) continue;
    if (node.kernel === 'Input') {
      lowered.set(node, names.inputs[node.attributes.name as string]!);
      continue;
    }
    const lowering = lowerings[node.kernel];
    if (!lowering) throw new EngineError(`ONNX export has no lowering for the kernel '${node.kernel}'.`);
    const rank = Math.max(...node.inputs.map(input => typeOf(input).shape.length));
    const takesWeights = weighted.has(node.kernel);
    const inputs = node.inputs.map((input, i) => (takesWeights && i > 0 ? '' : nameOf(input, rank)));
    const weight = (index: number) => constantOf(node.inputs[index]!.node);
    lowered.set(node, lowering({ graph, node, inputs, weight, layOut: names.layOut }));
  }
  return value => lowered.get(value.node)!;
}

/** Kernels whose inputs after the first are weights, which need another layout. */
const weighted: ReadonlySet<string> = new Set(['Conv2D', 'GroupedConv2D', 'FusedBatchNorm']);

const same =
  (type: string): Lowering =>
  ({ graph, inputs }) =>
    graph.node(type, inputs);

const reduction =
  (type: 'ReduceSum' | 'ReduceMean' | 'ReduceMax'): Lowering =>
  ({ graph, node, inputs }) => {
    const rank = typeOf(node.inputs[0]!).shape.length;
    const axes = (node.attributes.axes as number[]).map(axis => axisOf(axis, rank));
    const keepdims = { int: Number(node.attributes.keepDims) };
    // In opset 17 the axes are an input of ReduceSum and an attribute of the others.
    if (type === 'ReduceSum') return graph.node(type, [inputs[0]!, graph.integers(axes)], { keepdims });
    return graph.node(type, inputs, { axes: { ints: axes }, keepdims });
  };

/** The ONNX axis (NCHW) for an axis of the traced program (NHWC). */
function axisOf(axis: number, rank: number): number {
  return rank === 4 ? [0, 2, 3, 1][axis]! : axis;
}

const convolution: Lowering = ({ graph, node, inputs, weight, layOut }) => {
  const { name, tensor } = weight(1);
  const channels = typeOf(node.inputs[0]!).shape[3]!;
  const filter = graph.constant(name, layOut(tensor));
  const attributes = {
    ...spatial(node),
    dilations: { ints: node.attributes.dilations as number[] },
    group: { int: channels / tensor.shape[2]! },
  };
  return graph.node('Conv', [inputs[0]!, filter], attributes);
};

const pooling =
  (type: string): Lowering =>
  ({ graph, node, inputs }) =>
    graph.node(type, inputs, { ...spatial(node), kernel_shape: { ints: node.attributes.window as number[] } });

function spatial({ attributes }: Node): Record<string, OnnxAttribute> {
  const [[top, bottom], [left, right]] = attributes.padding as [[number, number], [number, number]];
  return { strides: { ints: attributes.strides as number[] }, pads: { ints: [top, left, bottom, right] } };
}

const lowerings: Readonly<Record<string, Lowering>> = {
  Add: same('Add'),
  Sub: same('Sub'),
  Multiply: same('Mul'),
  RealDiv: same('Div'),
  Maximum: same('Max'),
  Minimum: same('Min'),
  Pow: same('Pow'),
  Sqrt: same('Sqrt'),
  Exp: same('Exp'),
  Relu: same('Relu'),
  Square: ({ graph, inputs: [x] }) => graph.node('Mul', [x!, x!]),
  Rsqrt: ({ graph, inputs }) => graph.node('Reciprocal', [graph.node('Sqrt', inputs)]),
  Softmax: ({ graph, node, inputs }) =>
    graph.node('Softmax', inputs, { axis: { int: typeOf(node.inputs[0]!).shape.length - 1 } }),
  Cast: ({ graph, node, inputs }) => {
    const { dtype } = node.outputs[0]!;
    if (dtype !== 'float32') throw new EngineError(`ONNX export has no cast to ${dtype}.`);
    return graph.node('Cast', inputs, { to: { int: 1 } });
  },
  Sum: reduction('ReduceSum'),
  Mean: reduction('ReduceMean'),
  Max: reduction('ReduceMax'),
  BatchMatMul: ({ graph, node, inputs }) => {
    const { transposeA, transposeB } = node.attributes;
    if (node.outputs[0]!.shape.length !== 2)
      throw new EngineError('ONNX export multiplies matrices, not stacks of them.');
    return graph.node('Gemm', inputs, { transA: { int: Number(transposeA) }, transB: { int: Number(transposeB) } });
  },
  PadV2: ({ graph, node, inputs }) => {
    const paddings = node.attributes.paddings as [number, number][];
    if (node.attributes.value !== 0) throw new EngineError('ONNX export pads with zeros only.');
    const own = paddings.map((_, axis) => paddings[paddings.length === 4 ? [0, 3, 1, 2][axis]! : axis]!);
    const amounts = [...own.map(([before]) => before), ...own.map(([, after]) => after)];
    return graph.node('Pad', [inputs[0]!, graph.integers(amounts)]);
  },
  Conv2D: convolution,
  GroupedConv2D: convolution,
  AvgPool: pooling('AveragePool'),
  MaxPool: pooling('MaxPool'),
  FusedBatchNorm: ({ graph, node, inputs, weight }) => {
    const ofChannels = [1, 2, 3, 4].map(index => {
      const { name, tensor } = weight(index);
      return graph.constant(name, tensor);
    });
    const epsilon = { float: node.attributes.epsilon as number };
    return graph.node('BatchNormalization', [inputs[0]!, ...ofChannels], { epsilon });
  },
};
