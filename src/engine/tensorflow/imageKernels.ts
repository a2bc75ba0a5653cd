/**
 * Kernels on images `[B, H, W, C]`: convolutions, pooling, batch normalisation. Values per channel are float32 even for
 * bfloat16 images.
 */
import type { Attributes, Node, ValueType } from '../trace/ir.js';
import type { TfAttribute } from './graph.js';
import { first, inputType, type Lowering, same, T } from './lowering.js';
import { winograd } from './winograd.js';

const forward: Lowering = context => {
  const { builder, node, inputs } = context;
  const [image, filter] = [inputType(node), inputType(node, 1)];
  return (
    winograd(context, 'GalaWinograd', inputs, image, filter) ??
    first(
      builder.operation('Conv2D', inputs, {
        ...T(image.dtype),
        ...spatial(node.attributes, image.shape, filter.shape),
      }),
    )
  );
};
const inputGradient: Lowering = context => {
  const { builder, node, inputs } = context;
  const [image, filter] = [node.outputs[0]!, inputType(node, 1)];
  const attributes = { ...T(inputType(node).dtype), ...spatial(node.attributes, image.shape, filter.shape) };
  return (
    winograd(context, 'GalaWinogradInputGradient', inputs, image, filter) ??
    first(builder.operation('Conv2DBackpropInput', [builder.vector(image.shape), inputs[1]!, inputs[0]!], attributes))
  );
};
const filterGradient: Lowering = context => {
  const { builder, node, inputs } = context;
  const [image, filter] = [inputType(node), node.outputs[0]!];
  const attributes = { ...T(image.dtype), ...spatial(node.attributes, image.shape, filter.shape) };
  return (
    winograd(context, 'GalaWinogradFilterGradient', inputs, image, filter) ??
    first(builder.operation('Conv2DBackpropFilter', [inputs[0]!, builder.vector(filter.shape), inputs[1]!], attributes))
  );
};

export const imageKernels: Readonly<Record<string, Lowering>> = {
  Conv2D: forward,
  Conv2DBackpropInput: inputGradient,
  Conv2DBackpropFilter: filterGradient,
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
    const empty = builder.constant('float32', [0], new Float32Array(0));
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
};

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
