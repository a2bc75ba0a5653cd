/** Windows that slide over images, as TensorFlow describes them: padding has a name where it can. */
import type { Attributes } from '../trace/ir.js';
import type { TfAttribute } from './graph.js';

/** `strides`, `padding` and, for convolutions, `dilations` as TensorFlow's NHWC attributes. */
export function spatial(
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
