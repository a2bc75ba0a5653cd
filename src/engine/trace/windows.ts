/** Strides, dilations and padding in pixels of convolutions and poolings, from any form that TF.js accepts. */
import { EngineError } from '../../errors.js';
import tf from '../../tfjs.cjs';
import type { Attributes } from './ir.js';

type Attrs = Record<string, unknown>;

/** Throws `EngineError` for a setting of an op that the graph would compute differently from TF.js. */
export function unsupported(setting: string, next: string): never {
  throw new EngineError(`A traced program uses ${setting}, which the compiled engines do not know.`, { next });
}

function checkRounding(attrs: Attrs): void {
  const { dimRoundingMode } = attrs;
  if (dimRoundingMode !== undefined && dimRoundingMode !== 'floor')
    unsupported(`dimRoundingMode '${dimRoundingMode}'`, 'Leave dimRoundingMode out.');
}

/** Attributes of a convolution and the shape of its result. Throws `EngineError` for settings without a lowering. */
export function convolution(inputShape: readonly number[], filterShape: readonly number[], attrs: Attrs) {
  checkRounding(attrs);
  if (attrs.dataFormat === 'NCHW') unsupported('NCHW images', 'Keep images as NHWC.');
  const info = tf.backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    attrs.strides as number,
    (attrs.dilations as number | undefined) ?? 1,
    attrs.pad as 'same',
  );
  const { top, bottom, left, right } = info.padInfo;
  const attributes: Attributes = {
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    padding: [
      [top, bottom],
      [left, right],
    ],
  };
  return { attributes, outShape: info.outShape };
}

/** Attributes of a pooling and the shape of its result. Throws `EngineError` for settings without a lowering. */
export function pooling(inputShape: readonly number[], attrs: Attrs) {
  checkRounding(attrs);
  const info = tf.backend_util.computePool2DInfo(
    inputShape as [number, number, number, number],
    attrs.filterSize as number,
    attrs.strides as number,
    1,
    attrs.pad as 'same',
  );
  const { top, bottom, left, right } = info.padInfo;
  const attributes: Attributes = {
    window: [info.effectiveFilterHeight, info.effectiveFilterWidth],
    strides: [info.strideHeight, info.strideWidth],
    padding: [
      [top, bottom],
      [left, right],
    ],
  };
  return { attributes, outShape: info.outShape };
}
