/**
 * Kernels on images `[B, H, W, C]`: convolutions, pooling, batch normalisation. Values per channel are float32 even for
 * bfloat16 images.
 */
import type { Attributes, Node, ValueType } from '../trace/ir.js';
import type { Output } from './cApi.js';
import type { GraphBuilder, TfAttribute } from './graph.js';
import { first, inputType, type Lowering, same, T } from './lowering.js';
import { isOwnConvolution } from './ownConvolutions.js';

/** A lowering to one of gala's own operations with the same inputs and outputs. */
const own =
  (type: string): Lowering =>
  ({ builder, node, inputs, operationThreads: threads }) => {
    const oper = builder.operation(type, inputs, { threads: { int: threads! } });
    return node.outputs.map((_, index) => ({ oper, index }));
  };

/** A lowering to one of gala's own operations where it computes the node. */
const ownOr =
  (type: string, others: Lowering): Lowering =>
  context =>
    context.operationThreads !== undefined && isOwnConvolution(context.node) ? own(type)(context) : others(context);

const forward: Lowering = ({ builder, node, inputs }) => {
  const [image, filter] = [inputType(node), inputType(node, 1)];
  const attributes = { ...T(image.dtype), ...spatial(node.attributes, image.shape, filter.shape) };
  return first(builder.operation('Conv2D', inputs, attributes));
};
const inputGradient: Lowering = ({ builder, node, inputs: [dy, filter] }) => {
  const { dtype, shape } = node.outputs[0]!;
  const attributes = { ...T(dtype), ...spatial(node.attributes, shape, inputType(node, 1).shape) };
  return first(builder.operation('Conv2DBackpropInput', [builder.vector(shape), filter!, dy!], attributes));
};
const filterGradient: Lowering = ({ builder, node, inputs: [image, dy] }) => {
  const { dtype, shape } = inputType(node);
  const filter = node.outputs[0]!.shape;
  const attributes = { ...T(dtype), ...spatial(node.attributes, shape, filter) };
  return first(builder.operation('Conv2DBackpropFilter', [image!, builder.vector(filter), dy!], attributes));
};

export const imageKernels: Readonly<Record<string, Lowering>> = {
  Conv2D: ownOr('GalaConvolution', forward),
  Conv2DBackpropInput: ownOr('GalaConvolutionInputGradient', inputGradient),
  Conv2DBackpropFilter: ownOr('GalaConvolutionFilterGradient', filterGradient),
  GroupedConv2D: forward,
  GroupedConv2DBackpropInput: inputGradient,
  GroupedConv2DBackpropFilter: filterGradient,
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
    // Present with running averages (fusedOperations.ts).
    const momentum = node.attributes.momentum as number | undefined;
    const empty = noValues(builder);
    const operands = momentum === undefined ? [...inputs, empty, empty] : inputs;
    const oper = builder.operation('FusedBatchNormV3', operands, {
      ...batchNorm(node, true),
      exponential_avg_factor: { float: momentum ?? 1 },
    });
    return [0, 1, 2, 3, 4].map(index => ({ oper, index }));
  },
  BatchNormTrainGrad: ({ builder, node, inputs, output }) => {
    // TensorFlow's gradient needs a third reserve space, output 5 of the forward operation
    const forward = output(node.inputs[4]!);
    const reserve = [...inputs.slice(3), { oper: forward.oper, index: 5 }];
    const oper = builder.operation('FusedBatchNormGradV3', [...inputs.slice(0, 3), ...reserve], batchNorm(node, true));
    return [0, 1, 2].map(index => ({ oper, index }));
  },

  // gala's own (ownLayers.ts)
  BatchNormRelu: ({ builder, node, inputs, operationThreads: threads }) => {
    const { epsilon, momentum } = node.attributes as { epsilon: number; momentum?: number };
    const none = noValues(builder);
    const [image, scale, offset, ...further] = inputs as [Output, Output, Output, ...Output[]];
    const averages = momentum === undefined ? [none, none] : further.splice(0, 2);
    const operands = [image, scale, offset, ...averages, ...(further.length > 0 ? further : [none])];
    const oper = builder.operation('GalaBatchNormRelu', operands, {
      epsilon: { float: epsilon },
      factor: { float: momentum ?? 1 },
      threads: { int: threads! },
    });
    return node.outputs.map((_, index) => ({ oper, index }));
  },
  BatchNormReluGrad: own('GalaBatchNormReluGradient'),
  BatchNormSumReluGrad: own('GalaBatchNormSumReluGradient'),
  ConvolutionInputGradientSum: own('GalaConvolutionInputGradientSum'),
  ConvolutionRelu: ({ builder, inputs, operationThreads: threads }) => {
    const operands = inputs.length === 4 ? inputs : [...inputs, noValues(builder)];
    return first(builder.operation('GalaConvolutionRelu', operands, { threads: { int: threads! } }));
  },
};

function noValues(builder: GraphBuilder): Output {
  return builder.constant('float32', [0], new Float32Array(0));
}

function batchNorm(node: Node, training: boolean): Record<string, TfAttribute> {
  return {
    ...T(node.outputs[0]!.dtype),
    U: { type: 'float32' },
    epsilon: { float: node.attributes.epsilon as number },
    is_training: { bool: training },
  };
}

const pooled = (node: Node, image: ValueType): Record<string, TfAttribute> => {
  const window = node.attributes.window as number[];
  return {
    ...T(node.outputs[0]!.dtype),
    ksize: { ints: [1, ...window, 1] },
    ...spatial(node.attributes, image.shape, window),
  };
};

/** `strides`, `padding` and, for convolutions, `dilations` as TensorFlow's NHWC attributes. */
function spatial(
  attributes: Attributes,
  inputShape: readonly number[],
  kernelSize: readonly number[],
): Record<string, TfAttribute> {
  const strides = attributes.strides as number[];
  const dilations = (attributes.dilations as number[] | undefined) ?? [1, 1];
  const padding = attributes.padding as [number, number][];
  const result: Record<string, TfAttribute> = { strides: { ints: [1, ...strides, 1] } };
  if (attributes.dilations) result.dilations = { ints: [1, ...dilations, 1] };
  const samePadding = [0, 1].map(axis => {
    const size = inputShape[axis + 1]!;
    const span = (kernelSize[axis]! - 1) * dilations[axis]! + 1;
    const total = Math.max((Math.ceil(size / strides[axis]!) - 1) * strides[axis]! + span - size, 0);
    return [Math.floor(total / 2), total - Math.floor(total / 2)];
  });
  if (padding.flat().every(pad => pad === 0)) result.padding = { string: 'VALID' };
  else if (padding.flat().join() === samePadding.flat().join()) result.padding = { string: 'SAME' };
  else {
    result.padding = { string: 'EXPLICIT' };
    result.explicit_paddings = { ints: [0, 0, ...padding.flat(), 0, 0] };
  }
  return result;
}
