/** Kernels on images `[B, H, W, C]`: convolutions, pooling, batch normalisation. In bfloat16, per-channel values stay float32. */
import { sizeOf } from '../program.js';
import type { Node } from '../trace/ir.js';
import type { Hlo, HloBuilder } from './builder.js';
import { type Lowering, like } from './lowering.js';
import { averagePool, averagePoolGradient, maxPool, maxPoolGradient } from './pooling.js';
import { listText, typeText } from './text.js';

interface Window {
  readonly strides: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
  /** Zeros between the elements of the left and of the right operand, as factors. */
  readonly left: readonly number[];
  readonly right: readonly number[];
  readonly reverse?: boolean;
}

function convolution({ builder, node, inputs: [left, right] }: Parameters<Lowering>[0], axes: string, window: Window) {
  const type = node.outputs[0]!;
  const reverse = Boolean(window.reverse);
  const settings = [
    `stride = ${listText(window.strides)}`,
    `pad = ${listText(window.padding.map(listText))}`,
    `lhs_dilate = ${listText(window.left)}`,
    `rhs_dilate = ${listText(window.right)}`,
    `reverse = [${reverse}, ${reverse}]`,
  ].join(', ');
  const highest = '#stablehlo<precision HIGHEST>';
  const attributes = `{batch_group_count = 1 : i64, feature_group_count = 1 : i64, precision_config = [${highest}, ${highest}]}`;
  const types = `(${typeText(left!.type)}, ${typeText(right!.type)}) -> ${typeText(type)}`;
  return [
    builder.emit(
      type,
      `stablehlo.convolution(${left!.name}, ${right!.name}) dim_numbers = ${axes}, window = {${settings}} ${attributes} : ${types}`,
    ),
  ];
}

const settingsOf = (node: Node) =>
  node.attributes as unknown as { strides: number[]; dilations: number[]; padding: [number, number][] };

/** Axes of an image that are not channels. */
const pixels = (x: Hlo) => x.type.shape.map((_, axis) => axis).slice(0, -1);
/** A value per channel [C] at every pixel of `x`. */
const everywhere = (builder: HloBuilder, perChannel: Hlo, x: Hlo) =>
  builder.spread(perChannel, x.type.shape, [x.type.shape.length - 1]);
/** 1/√(variance + ε) [C]. */
const inverseDeviation = (builder: HloBuilder, variance: Hlo, node: Node) =>
  builder.apply('rsqrt', builder.apply('add', variance, like(builder, variance, node.attributes.epsilon as number)));

const mean = (builder: HloBuilder, x: Hlo): Hlo => {
  const sum = builder.reduce(x, pixels(x), 'add');
  return builder.apply('divide', sum, like(builder, sum, sizeOf(x.type.shape) / x.type.shape.at(-1)!));
};

/** scale·(x − mean)/√(variance + ε) + offset in float32, in the type of the node's first output. */
function normalise(builder: HloBuilder, node: Node, [x, scale, offset, centre, variance]: readonly Hlo[]): Hlo {
  const factor = builder.apply('multiply', scale!, inverseDeviation(builder, variance!, node));
  const centred = builder.apply('subtract', x!, everywhere(builder, centre!, x!));
  const scaled = builder.apply('multiply', centred, everywhere(builder, factor, x!));
  const shifted = builder.apply('add', scaled, everywhere(builder, offset!, x!));
  return builder.convert(shifted, node.outputs[0]!.dtype);
}

export const imageKernels: Readonly<Record<string, Lowering>> = {
  Conv2D: context => {
    const { strides, dilations, padding } = settingsOf(context.node);
    const axes = '[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]';
    return convolution(context, axes, { strides, padding, left: [1, 1], right: dilations });
  },
  Conv2DBackpropInput: context => {
    // The gradient, its strides filled with zeros, under the filter turned round
    const { strides, dilations, padding } = settingsOf(context.node);
    const [dy, filter] = context.inputs.map(input => input.type.shape);
    const image = context.node.outputs[0]!.shape;
    const around = [0, 1].map(axis => {
      const span = (filter![axis]! - 1) * dilations[axis]!;
      const low = span - padding[axis]![0];
      const filled = (dy![axis + 1]! - 1) * strides[axis]! + 1;
      return [low, image[axis + 1]! - filled + span - low] as const;
    });
    const axes = '[b, 0, 1, f]x[0, 1, o, i]->[b, 0, 1, f]';
    return convolution(context, axes, {
      strides: [1, 1],
      padding: around,
      left: strides,
      right: dilations,
      reverse: true,
    });
  },
  Conv2DBackpropFilter: context => {
    // The image under the gradient as filter: images of the batch are what is summed over
    const { strides, dilations, padding } = settingsOf(context.node);
    const [image, dy] = context.inputs.map(input => input.type.shape);
    const filter = context.node.outputs[0]!.shape;
    const around = [0, 1].map(axis => {
      const low = padding[axis]![0];
      const filled = (dy![axis + 1]! - 1) * strides[axis]! + 1;
      return [low, (filter[axis]! - 1) * dilations[axis]! + filled - image![axis + 1]! - low] as const;
    });
    const axes = '[f, 0, 1, b]x[i, 0, 1, o]->[0, 1, b, f]';
    return convolution(context, axes, { strides: dilations, padding: around, left: [1, 1], right: strides });
  },
  AvgPool: averagePool,
  AvgPoolGrad: averagePoolGradient,
  MaxPool: maxPool,
  MaxPoolGrad: maxPoolGradient,
  FusedBatchNorm: ({ builder, node, inputs: [x, ...perChannel] }) => [
    normalise(builder, node, [builder.convert(x!, 'float32'), ...perChannel]),
  ],

  BatchNormTrain: ({ builder, node, inputs: [image, scale, offset] }) => {
    const x = builder.convert(image!, 'float32');
    const batchMean = mean(builder, x);
    const centred = builder.apply('subtract', x, everywhere(builder, batchMean, x));
    const variance = mean(builder, builder.apply('multiply', centred, centred)); // biased: what normalises
    const count = sizeOf(x.type.shape) / x.type.shape.at(-1)!;
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
  BatchNormTrainGrad: ({ builder, node, inputs: [gradient, image, scale, savedMean, savedVariance] }) => {
    // dx = scale/σ·(dy − mean(dy) − x̂·mean(dy·x̂)), x̂ = (x − mean)/σ
    const [dy, x] = [builder.convert(gradient!, 'float32'), builder.convert(image!, 'float32')];
    const inverse = inverseDeviation(builder, savedVariance!, node);
    const centred = builder.apply('subtract', x, everywhere(builder, savedMean!, x));
    const normalised = builder.apply('multiply', centred, everywhere(builder, inverse, x));
    const dOffset = builder.reduce(dy, pixels(x), 'add');
    const dScale = builder.reduce(builder.apply('multiply', dy, normalised), pixels(x), 'add');
    const count = sizeOf(x.type.shape) / x.type.shape.at(-1)!;
    const average = (sum: Hlo) => everywhere(builder, builder.apply('divide', sum, like(builder, sum, count)), x);
    const slope = builder.apply('multiply', normalised, average(dScale));
    const rest = builder.apply('subtract', builder.apply('subtract', dy, average(dOffset)), slope);
    const factor = everywhere(builder, builder.apply('multiply', scale!, inverse), x);
    return [builder.convert(builder.apply('multiply', rest, factor), node.outputs[0]!.dtype), dScale, dOffset];
  },
};
