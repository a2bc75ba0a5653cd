/** Pooling over windows of `[B, H, W, C]` and its gradients. */
import type { ValueType } from '../trace/ir.js';
import { type Hlo, type HloBuilder, neutral, type Reduction } from './builder.js';
import { type Context, type Lowering, like } from './lowering.js';
import { arrayText, listText, typeText } from './text.js';

interface Windows {
  readonly window: readonly number[];
  readonly strides: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
}

const windowsOf = ({ node }: Pick<Context, 'node'>) => node.attributes as unknown as Windows;

function attributesOf({ window, strides, padding }: Windows): string {
  const pads = listText([[0, 0] as const, ...padding, [0, 0] as const].map(listText));
  return (
    `{window_dimensions = ${arrayText([1, ...window, 1])}, window_strides = ` +
    `${arrayText([1, ...strides, 1])}, padding = dense<${pads}> : tensor<4x2xi64>}`
  );
}

/** A region with the operands %a and %b; `body` defines the result %c of type `result`. */
function region(element: string, body: string, result: string): string {
  return `{ ^bb0(%a: ${element}, %b: ${element}): ${body} stablehlo.return %c : ${result} }`;
}

function overWindows(builder: HloBuilder, x: Hlo, type: ValueType, how: Reduction, windows: Windows): Hlo {
  const start = builder.scalar(x.type.dtype, neutral(how, x.type.dtype));
  const element = typeText(start.type);
  const types = `(${typeText(x.type)}, ${element}) -> ${typeText(type)}`;
  const body = region(element, `%c = stablehlo.${how} %a, %b : ${element}`, element);
  return builder.emit(
    type,
    `"stablehlo.reduce_window"(${x.name}, ${start.name}) (${body}) ${attributesOf(windows)} : ${types}`,
  );
}

/** 1 / (number of pixels in each window without padding), in the shape of `pooled`. */
function shares(builder: HloBuilder, pooled: ValueType, image: readonly number[], windows: Windows): Hlo {
  const [rows, columns] = [0, 1].map(axis =>
    Array.from({ length: pooled.shape[axis + 1]! }, (_, i) => {
      const first = i * windows.strides[axis]! - windows.padding[axis]![0];
      return Math.min(first + windows.window[axis]!, image[axis + 1]!) - Math.max(first, 0);
    }),
  );
  const table = rows!.flatMap(height => columns!.map(width => 1 / (height * width)));
  const constant = builder.constant({
    dtype: 'float32',
    shape: [rows!.length, columns!.length],
    data: Float32Array.from(table),
  });
  return builder.broadcastInDim(builder.convert(constant, pooled.dtype), pooled.shape, [1, 2]);
}

export const averagePool: Lowering = ({ builder, node, inputs: [x] }) => {
  const windows = windowsOf({ node });
  const type = node.outputs[0]!;
  if (windows.window.every(size => size === 1)) {
    const { shape } = x!.type;
    return [builder.slice(x!, [0, 0, 0, 0], shape, [1, ...windows.strides, 1])];
  }
  const sums = overWindows(builder, x!, type, 'add', windows);
  return [builder.apply('multiply', sums, shares(builder, type, x!.type.shape, windows))];
};

/**
 * Every pixel gets its share from each window that covers it: a sum over windows of the gradient, dilated by strides.
 */
export const averagePoolGradient: Lowering = ({ builder, node, inputs: [dy] }) => {
  const windows = windowsOf({ node });
  const { window, strides, padding } = windows;
  const type = node.outputs[0]!;
  const single = window.every(size => size === 1);
  const parts = single ? dy! : builder.apply('multiply', dy!, shares(builder, dy!.type, type.shape, windows));
  const around = [0, 1].map(axis => {
    const low = window[axis]! - 1 - padding[axis]![0];
    const filled = (dy!.type.shape[axis + 1]! - 1) * strides[axis]! + 1;
    return [low, type.shape[axis + 1]! - filled + window[axis]! - 1 - low] as const;
  });
  const filled = builder.pad(
    parts,
    0,
    [0, ...around.map(([low]) => low), 0],
    [0, ...around.map(([, high]) => high), 0],
    [0, ...strides.map(stride => stride - 1), 0],
  );
  if (single) return [filled];
  const none = [
    [0, 0],
    [0, 0],
  ] as const;
  return [overWindows(builder, filled, type, 'add', { window, strides: [1, 1], padding: none })];
};

export const maxPool: Lowering = ({ builder, node, inputs: [x] }) => [
  overWindows(builder, x!, node.outputs[0]!, 'maximum', windowsOf({ node })),
];

/**
 * The first pixel of a window with the maximum gets the gradient of the window. For each offset in a window, all pixels
 * at this offset take their gradients at once. A scatter from the windows would be a sort in XLA, or would add in a
 * changing order.
 */
export const maxPoolGradient: Lowering = ({ builder, node, inputs: [dy, x, y] }) => {
  const type = node.outputs[0]!;
  const { window, strides, padding } = windowsOf({ node });
  const [height, width] = window as [number, number];
  const pooled = dy!.type.shape;
  const offsets = Array.from({ length: height * width }, (_, i) => [Math.floor(i / width), i % width] as const);
  // Rows and columns of the padded image that the windows cover
  const spans = [0, 1].map(axis => (pooled[axis + 1]! - 1) * strides[axis]! + 1);
  const sizes = spans.map((span, axis) => span + window[axis]! - 1);
  const before = [0, ...padding.map(([low]) => low), 0];
  const after = [0, ...sizes.map((size, axis) => size - padding[axis]![0] - type.shape[axis + 1]!), 0];
  const none = [0, 0, 0, 0];
  const padded = builder.pad(x!, Number.NEGATIVE_INFINITY, before, after, none);
  const places = builder.full({ dtype: 'uint8', shape: pooled }, 0);
  const first = offsets.reduceRight((found, [row, column], place) => {
    const end = [pooled[0]!, row + spans[0]!, column + spans[1]!, pooled[3]!];
    const pixels = builder.slice(padded, [0, row, column, 0], end, [1, ...strides, 1]);
    return builder.select(builder.compare('EQ', pixels, y!), like(builder, places, place), found);
  }, places);
  const gaps = [0, ...strides.map(stride => stride - 1), 0];
  const parts = offsets.map(([row, column], place) => {
    const isHere = builder.compare('EQ', first, like(builder, places, place));
    const part = builder.select(isHere, dy!, like(builder, dy!, 0));
    const low = [0, row - padding[0]![0], column - padding[1]![0], 0];
    const high = low.map((amount, axis) => (axis % 3 === 0 ? 0 : type.shape[axis]! - spans[axis - 1]! - amount));
    return builder.convert(builder.pad(part, 0, low, high, gaps), 'float32');
  });
  const sum = parts.reduce((all, part) => builder.apply('add', all, part));
  return [builder.convert(sum, type.dtype)];
};
