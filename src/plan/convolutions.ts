/** Finds the convolutions of a step that cuDNN computes: direction, precision, shapes. */
import { type Computation, shapesOf } from './hlo.js';
import type { Kernel } from './kernels.js';

export type Direction = 'forward' | 'backward input' | 'backward filter';

export interface Convolution {
  readonly direction: Direction;
  /** Type of the factors by XLA's name: `bf16`, `f32`. */
  readonly precision: string;
  /** `[batch, channels, height, width]` of the forward convolution's input. */
  readonly image: readonly number[];
  /** `[outputs, channels / groups, height, width]`. */
  readonly filter: readonly number[];
  /** `[batch, outputs, height, width]` of the forward convolution's result. */
  readonly result: readonly number[];
  readonly strides: readonly number[];
  /** Before and after, for height and width. */
  readonly padding: readonly (readonly [number, number])[];
  readonly dilations: readonly number[];
}

const directions: Readonly<Record<string, Direction>> = {
  convForward: 'forward',
  convForwardGraph: 'forward',
  convBiasActivationForward: 'forward',
  convBackwardInput: 'backward input',
  convBackwardFilter: 'backward filter',
};

/** The convolutions among the kernels: calls of cuDNN, and in `others` the names of those that XLA computes itself. */
export function convolutionsOf(
  kernels: readonly Kernel[],
  step: Computation,
): { convolutions: Convolution[]; others: string[] } {
  const [convolutions, others]: [Convolution[], string[]] = [[], []];
  for (const { kind, instruction } of kernels) {
    if (kind !== 'convolution') continue;
    const { attributes, operands, type, name } = instruction;
    const direction = directions[/custom_call_target="__cudnn\$(\w+)"/.exec(attributes)?.[1] ?? ''];
    const labels = /dim_labels=(\w+)_(\w+)->(\w+)/.exec(attributes);
    const [left, right] = operands.map(operand => shapesOf(step.get(operand)?.type ?? '')[0]);
    const made = shapesOf(type)[0];
    if (!direction || !labels || !left || !right || !made) {
      others.push(name);
      continue;
    }
    // Window and labels describe the forward convolution in all three directions
    const [image, filter, result] = {
      forward: [left, right, made],
      'backward input': [made, right, left],
      'backward filter': [left, made, right],
    }[direction] as [typeof made, typeof made, typeof made];
    const pairs = (field: string) =>
      new RegExp(`window=\\{[^}]*\\b${field}=([\\dx_-]+)`)
        .exec(attributes)?.[1]
        ?.split('x')
        .map(part => part.split('_').map(Number));
    const inOrder = ({ dimensions }: typeof made, names: string, order: string) =>
      [...order].map(axis => dimensions[names.indexOf(axis)]!);
    convolutions.push({
      direction,
      precision: left.type,
      image: inOrder(image, labels[1]!, 'bf01'),
      filter: inOrder(filter, labels[2]!, 'oi01'),
      result: inOrder(result, labels[3]!, 'bf01'),
      strides: (pairs('stride') ?? [[1], [1]]).map(([stride]) => stride!),
      padding: (
        pairs('pad') ?? [
          [0, 0],
          [0, 0],
        ]
      ).map(([before, after]) => [before!, after!] as const),
      dilations: (pairs('rhs_dilate') ?? [[1], [1]]).map(([dilation]) => dilation!),
    });
  }
  return { convolutions, others };
}
