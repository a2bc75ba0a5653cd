/**
 * Kernels on images `[B, H, W, C]`: convolutions, pooling, batch normalisation. Values per channel are float32 even for
 * bfloat16 images.
 */
import { sizeOf } from '../../tensor.js';
import type { Node } from '../trace/ir.js';
import type { Hlo, HloBuilder } from './builder.js';
import { channelSums, moments } from './channelSums.js';
import { type Context, type Lowering, like, productPrecision } from './lowering.js';
import { averagePool, averagePoolGradient, maxPool, maxPoolGradient } from './pooling.js';
import { listText, typeText } from './text.js';

interface Window {
  readonly strides: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
  /** Dilation of the left and of the right operand: n puts n − 1 zeros between elements. */
  readonly left: readonly number[];
  readonly right: readonly number[];
  /** Numbers of groups into which the left operand's features, or its batch, are divided. */
  readonly featureGroups?: number;
  readonly batchGroups?: number;
}

function convolution(context: Context, axes: string, window: Window) {
  const { builder, node, inputs } = context;
  const [left, right] = inputs;
  const type = node.outputs[0]!;
  const settings = [
    `stride = ${listText(window.strides)}`,
    `pad = ${listText(window.padding.map(listText))}`,
    `lhs_dilate = ${listText(window.left)}`,
    `rhs_dilate = ${listText(window.right)}`,
  ].join(', ');
  const precision = `#stablehlo<precision ${productPrecision(context, left!)}>`;
  const groups =
    `batch_group_count = ${window.batchGroups ?? 1} : i64, feature_group_count = ` +
    `${window.featureGroups ?? 1} : i64`;
  const attributes = `{${groups}, precision_config = [${precision}, ${precision}]}`;
  const types = `(${typeText(left!.type)}, ${typeText(right!.type)}) -> ${typeText(type)}`;
  return [
    builder.emit(
      type,
      `stablehlo.convolution(${left!.name}, ${right!.name}) dim_numbers = ${axes}, window = {${settings}} ` +
        `${attributes} : ${types}`,
    ),
  ];
}

const forward: Lowering = context => {
  const { strides, dilations, padding } = settingsOf(context.node);
  const [image, filter] = context.inputs.map(input => input.type.shape);
  const axes = '[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]';
  const featureGroups = image![3]! / filter![2]!;
  return convolution(context, axes, { strides, padding, left: [1, 1], right: dilations, featureGroups });
};

/**
 * A convolution of the gradient, dilated by the strides, with the reversed filter. A separate operation reverses the
 * filter: only then does XLA for GPUs recognise cuDNN's backward-input convolution, which skips the zeros and takes the
 * filter in the layout of the forward convolution.
 */
const inputGradient: Lowering = context => {
  const { strides, dilations, padding } = settingsOf(context.node);
  const { builder, inputs } = context;
  const [dy, filter] = inputs.map(input => input.type.shape);
  const image = context.node.outputs[0]!.shape;
  const around = [0, 1].map(axis => {
    const span = (filter![axis]! - 1) * dilations[axis]!;
    const low = span - padding[axis]![0];
    const filled = (dy![axis + 1]! - 1) * strides[axis]! + 1;
    return [low, image[axis + 1]! - filled + span - low] as const;
  });
  const featureGroups = image[3]! / filter![2]!;
  const axes = '[b, 0, 1, f]x[0, 1, o, i]->[b, 0, 1, f]';
  const window = { strides: [1, 1], padding: around, left: strides, right: dilations, featureGroups };
  const reversed = builder.reverse(inputs[1]!, [0, 1]);
  return convolution(
    { ...context, inputs: [inputs[0]!, groupsOfInputs(builder, reversed, featureGroups)] },
    axes,
    window,
  );
};

/** A filter `[h, w, C/G, O]` as `[h, w, C, O/G]`: groups of outputs are groups of inputs in the backward pass. */
function groupsOfInputs(builder: HloBuilder, filter: Hlo, groups: number): Hlo {
  if (groups === 1) return filter;
  const [height, width, inputs, outputs] = filter.type.shape as [number, number, number, number];
  const apart = builder.reshape(filter, [height, width, inputs, groups, outputs / groups]);
  const transposed = builder.transpose(apart, [0, 1, 3, 2, 4]);
  return builder.reshape(transposed, [height, width, groups * inputs, outputs / groups]);
}

/** A convolution of the image with the gradient as the filter; it sums over the images of the batch. */
const filterGradient: Lowering = context => {
  const { strides, dilations, padding } = settingsOf(context.node);
  const [image, dy] = context.inputs.map(input => input.type.shape);
  const filter = context.node.outputs[0]!.shape;
  const around = [0, 1].map(axis => {
    const low = padding[axis]![0];
    const filled = (dy![axis + 1]! - 1) * strides[axis]! + 1;
    return [low, (filter[axis]! - 1) * dilations[axis]! + filled - image![axis + 1]! - low] as const;
  });
  const batchGroups = image![3]! / filter[2]!;
  const axes = '[f, 0, 1, b]x[i, 0, 1, o]->[0, 1, b, f]';
  return convolution(context, axes, { strides: dilations, padding: around, left: [1, 1], right: strides, batchGroups });
};

const settingsOf = (node: Node) =>
  node.attributes as unknown as { strides: number[]; dilations: number[]; padding: [number, number][] };

/** A value per channel [C], repeated at every pixel of `x`. */
const everywhere = (builder: HloBuilder, perChannel: Hlo, x: Hlo) =>
  builder.broadcastInDim(perChannel, x.type.shape, [x.type.shape.length - 1]);
/** 1/√(variance + ε) [C]. */
const inverseDeviation = (builder: HloBuilder, variance: Hlo, node: Node) =>
  builder.apply('rsqrt', builder.apply('add', variance, like(builder, variance, node.attributes.epsilon as number)));

/**
 * scale·(x − mean)/√(variance + ε) + offset, computed in float32 and converted to the node's first output type.
 */
function normalise(builder: HloBuilder, node: Node, [x, scale, offset, centre, variance]: readonly Hlo[]): Hlo {
  const factor = builder.apply('multiply', scale!, inverseDeviation(builder, variance!, node));
  const centred = builder.apply('subtract', x!, everywhere(builder, centre!, x!));
  const scaled = builder.apply('multiply', centred, everywhere(builder, factor, x!));
  const shifted = builder.apply('add', scaled, everywhere(builder, offset!, x!));
  return builder.convert(shifted, node.outputs[0]!.dtype);
}

export const imageKernels: Readonly<Record<string, Lowering>> = {
  Conv2D: forward,
  Conv2DBackpropInput: inputGradient,
  Conv2DBackpropFilter: filterGradient,
  GroupedConv2D: forward,
  GroupedConv2DBackpropInput: inputGradient,
  GroupedConv2DBackpropFilter: filterGradient,
  AvgPool: averagePool,
  AvgPoolGrad: averagePoolGradient,
  MaxPool: maxPool,
  MaxPoolGrad: maxPoolGradient,
  FusedBatchNorm: ({ builder, node, inputs: [x, ...perChannel] }) => [
    normalise(builder, node, [builder.convert(x!, 'float32'), ...perChannel]),
  ],

  BatchNormTrain: ({ builder, node, devices, inputs: [image, scale, offset] }) => {
    const x = builder.convert(image!, 'float32');
    const { shape } = x.type;
    const [batchMean, variance] = moments(builder, x, devices);
    const count = sizeOf(shape) / shape[3]!;
    const bessel = like(builder, variance, count > 1 ? count / (count - 1) : 1);
    const unbiased = builder.apply('multiply', variance, bessel);
    return [
      normalise(builder, node, [x, scale!, offset!, batchMean, variance]),
      batchMean,
      unbiased,
      batchMean,
      variance,
    ];
  },
  BatchNormTrainGrad: ({ builder, node, devices, inputs: [gradient, image, scale, savedMean, savedVariance] }) => {
    // dx = scale/σ·(dy − mean(dy) − x̂·mean(dy·x̂)), x̂ = (x − mean)/σ
    const [dy, x] = [builder.convert(gradient!, 'float32'), builder.convert(image!, 'float32')];
    const inverse = inverseDeviation(builder, savedVariance!, node);
    const centred = builder.apply('subtract', x, everywhere(builder, savedMean!, x));
    const normalised = builder.apply('multiply', centred, everywhere(builder, inverse, x));
    const images = [dy, builder.apply('multiply', dy, normalised)];
    const [dOffset, dScale] = channelSums(builder, images, devices) as [Hlo, Hlo];
    const count = sizeOf(x.type.shape) / x.type.shape.at(-1)!;
    const average = (sum: Hlo) => everywhere(builder, builder.apply('divide', sum, like(builder, sum, count)), x);
    const slope = builder.apply('multiply', normalised, average(dScale));
    const rest = builder.apply('subtract', builder.apply('subtract', dy, average(dOffset)), slope);
    const factor = everywhere(builder, builder.apply('multiply', scale!, inverse), x);
    return [builder.convert(builder.apply('multiply', rest, factor), node.outputs[0]!.dtype), dScale, dOffset];
  },
};
