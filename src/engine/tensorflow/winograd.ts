/** Which convolutions the operations of winograd.cc compute, and their place in the graph. */
import type { Node, ValueType } from '../trace/ir.js';
import { typeOf } from '../trace/ir.js';
import type { Output } from './cApi.js';
import { first, type Lowering } from './lowering.js';

/** The matrix products of winograd.cc take 16 channels at a time. */
const channelMultiple = 16;
/**
 * The most pairs of input and output channels: with more, the transformed filters leave the cache. With 256 × 256 the
 * operations gain little over oneDNN's, with 512 × 512 they are slower (docs/notebook.md).
 */
const mostPairs = 128 * 128;
/** A smaller image would leave most of its tiles of 4 × 4 empty. */
const leastSize = 4;

type WinogradOperation = 'GalaWinograd' | 'GalaWinogradInputGradient' | 'GalaWinogradFilterGradient';

/**
 * The output of a convolution or of one of its gradients as an operation of winograd.cc; undefined where the operation
 * does not compute it: then it is TensorFlow's. `image` `[N, H, W, a]` and `filter` `[3, 3, a, b]` are the types of the
 * forward convolution.
 */
export function winograd(
  { builder, node, winogradThreads: threads }: Parameters<Lowering>[0],
  type: WinogradOperation,
  operands: readonly Output[],
  image: ValueType,
  filter: ValueType,
): readonly Output[] | undefined {
  if (threads === undefined || !fits(node, image, filter)) return undefined;
  return first(builder.operation(type, operands, { threads: { int: threads } }));
}

function fits(node: Node, image: ValueType, filter: ValueType): boolean {
  const { strides, dilations = [1, 1], padding } = node.attributes as Record<string, number[]>;
  const [, height, width, channels] = image.shape as [number, number, number, number];
  const [rows, columns, a, b] = filter.shape as [number, number, number, number];
  return (
    [...node.inputs.map(typeOf), ...node.outputs].every(({ dtype }) => dtype === 'float32') &&
    [rows, columns].every(size => size === 3) &&
    [...strides!, ...dilations, ...padding!.flat()].every(size => size === 1) &&
    a === channels && // not grouped
    [a, b].every(count => count % channelMultiple === 0) &&
    a * b <= mostPairs &&
    Math.min(height, width) >= leastSize
  );
}
