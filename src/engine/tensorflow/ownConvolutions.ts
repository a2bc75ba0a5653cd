/** Which convolutions gala's own operations compute (operations/winograd.h). */
import { type Node, typeOf, type ValueType } from '../trace/ir.js';

/** The matrix products of winograd.h take 16 channels at a time. */
const channelMultiple = 16;
/**
 * The most pairs of input and output channels: with more, the transformed filters leave the cache. With 256 × 256 the
 * operations gain little over oneDNN's, with 512 × 512 they are slower (docs/notebook.md).
 */
const mostPairs = 128 * 128;
/** A smaller image would leave most of its tiles of 4 × 4 empty. */
const leastSize = 4;

/** Whether a node is a convolution, or one of its gradients, that gala's own operations compute. */
export function isOwnConvolution(node: Node): boolean {
  const types = forwardTypes(node);
  if (types === undefined) return false;
  const { strides, dilations = [1, 1], padding } = node.attributes as Record<string, number[]>;
  const [, height, width] = types.image.shape as [number, number, number, number];
  const [rows, columns, a, b] = types.filter.shape as [number, number, number, number];
  return (
    [...node.inputs.map(typeOf), ...node.outputs].every(({ dtype }) => dtype === 'float32') &&
    [rows, columns].every(size => size === 3) &&
    [...strides!, ...dilations, ...padding!.flat()].every(size => size === 1) &&
    [a, b].every(count => count % channelMultiple === 0) &&
    a * b <= mostPairs &&
    Math.min(height, width) >= leastSize
  );
}

/** The types of image and filter of the forward convolution; undefined for grouped convolutions and other nodes. */
function forwardTypes({ kernel, inputs, outputs }: Node): { image: ValueType; filter: ValueType } | undefined {
  const input = (index: number) => typeOf(inputs[index]!);
  if (kernel === 'Conv2D') return { image: input(0), filter: input(1) };
  if (kernel === 'Conv2DBackpropInput') return { image: outputs[0]!, filter: input(1) };
  if (kernel === 'Conv2DBackpropFilter') return { image: input(0), filter: outputs[0]! };
  return undefined;
}
