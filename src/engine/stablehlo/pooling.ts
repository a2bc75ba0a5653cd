/** Pooling over windows of `[B, H, W, C]` and its gradients. */
import type { ValueType } from '../trace/ir.js';
import { type Hlo, type HloBuilder, neutral, type Reduction } from './builder.js';
import type { Context, Lowering } from './lowering.js';
import { arrayText, listText, typeText } from './text.js';

interface Windows {
  readonly window: readonly number[];
  readonly strides: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
}

const windowsOf = ({ node }: Pick<Context, 'node'>) => node.attributes as unknown as Windows;

function attributesOf({ window, strides, padding }: Windows): string {
  const pads = listText([[0, 0] as const, ...padding, [0, 0] as const].map(listText));
  return `{window_dimensions = ${arrayText([1, ...window, 1])}, window_strides = ${arrayText([1, ...strides, 1])}, padding = dense<${pads}> : tensor<4x2xi64>}`;
}

/** A region of two scalars: `body` names its operands %a and %b and defines the result %c of type `result`. */
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

/** 1 / number of pixels that each window covers, padding not counted, for results of the shape of `pooled`. */
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
  return builder.spread(builder.convert(constant, pooled.dtype), pooled.shape, [1, 2]);
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

/** Every pixel takes its share from each window that covers it: windows over the gradient with its strides filled with zeros. */
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

/** A window's gradient goes to the first of its pixels that hold the maximum. */
export const maxPoolGradient: Lowering = ({ builder, node, inputs: [dy, x] }) => {
  const type = node.outputs[0]!;
  const zero = builder.scalar(type.dtype, 0);
  const element = typeText(zero.type);
  const select = region(
    element,
    `%c = stablehlo.compare GE, %a, %b : (${element}, ${element}) -> tensor<i1>`,
    'tensor<i1>',
  );
  const scatter = region(element, `%c = stablehlo.add %a, %b : ${element}`, element);
  const types = `(${typeText(x!.type)}, ${typeText(dy!.type)}, ${element}) -> ${typeText(type)}`;
  return [
    builder.emit(
      type,
      `"stablehlo.select_and_scatter"(${x!.name}, ${dy!.name}, ${zero.name}) (${select}, ${scatter}) ${attributesOf(windowsOf({ node }))} : ${types}`,
    ),
  ];
};
