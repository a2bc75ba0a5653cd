/**
 * Rewrites the graph for gala's own operations that compute several kernels in one, so that the images are read and
 * written less often: batch normalisation, a shortcut and ReLU, in training with the gradients, and by running averages
 * with the convolution before it.
 */
import { type Node, type TracedProgram, typeOf, type Value, type ValueType } from '../trace/ir.js';
import { foldedIntoFilter, withResults } from './fusedOperations.js';
import { isOwnConvolution } from './ownConvolutions.js';

/** Batch normalisation in training takes 16 channels at a time with AVX-512. */
const channelMultiple = 16;

interface Layer {
  /** `BatchNormTrain`, or `FusedBatchNorm` of a convolution that nothing else uses. */
  readonly batchNorm: Node;
  /** The sum of the normalised images and a shortcut. */
  readonly sum: Node | undefined;
  readonly relu: Node;
  readonly gradients: { readonly relu: Node; readonly batchNorm: Node } | undefined;
}

/**
 * Rewrites each float32 batch normalisation whose images only a ReLU takes, or a sum that only a ReLU takes.
 * - `BatchNormRelu` has the inputs of `BatchNormTrain` and then the shortcut; its outputs are those of
 *   `BatchNormTrain`, with ReLU applied to the images.
 * - `BatchNormReluGrad` has the outputs of `BatchNormTrainGrad`. `BatchNormSumReluGrad`, for layers with a shortcut,
 *   also has the gradient of the sum.
 * - `ConvolutionRelu` has image, filter, bias and then the shortcut.
 *
 * The input gradient of a convolution that is only added to another gradient becomes one `ConvolutionInputGradientSum`.
 */
export function withOwnLayers(program: TracedProgram): TracedProgram {
  const uses = usesOf(program);
  const layers = layersOf(program, uses);
  const rewritten = new Map<Node, { readonly node: Node; readonly offset: number }>();
  const newValue = ({ node, index }: Value): Value => {
    const { node: now, offset } = rewritten.get(node)!;
    return { node: now, index: offset + index };
  };
  const renewed = (node: Node): Node => ({ ...node, inputs: node.inputs.map(newValue) });
  for (const node of program.nodes) {
    const layer = layers.get(node);
    if (!layer) {
      rewritten.set(node, { node: renewed(withSummedGradient(node, uses)), offset: 0 });
    } else if (node === layer.relu) {
      const { batchNorm, sum } = layer;
      const shortcut = sum?.inputs.filter(input => input.node !== batchNorm).map(newValue) ?? [];
      const forward = batchNorm.kernel === 'BatchNormTrain' ? batchNormRelu : convolutionRelu;
      const fused = { node: forward(renewed(batchNorm), shortcut), offset: 0 };
      rewritten.set(layer.relu, fused).set(batchNorm, fused);
    } else if (layer.gradients && node === layer.gradients.relu) {
      const { batchNorm } = layer.gradients;
      const fused = renewed(layer.sum ? batchNormSumReluGrad(node, batchNorm) : batchNormReluGrad(layer, batchNorm));
      rewritten.set(batchNorm, { node: fused, offset: 0 }).set(node, { node: fused, offset: batchNorm.outputs.length });
    }
  }
  return withResults(program, newValue);
}

function batchNormRelu(batchNorm: Node, shortcut: readonly Value[]): Node {
  return { ...batchNorm, kernel: 'BatchNormRelu', inputs: [...batchNorm.inputs, ...shortcut] };
}

function batchNormReluGrad({ batchNorm, gradients }: Layer, { inputs, outputs }: Node): Node {
  const [gradient] = gradients!.relu.inputs;
  const [, image, scale, ...saved] = inputs;
  const offset = batchNorm.inputs[2];
  return {
    kernel: 'BatchNormReluGrad',
    inputs: [gradient!, image!, scale!, offset!, ...saved],
    attributes: {},
    outputs,
  };
}

function batchNormSumReluGrad(relu: Node, batchNorm: Node): Node {
  const inputs = [...relu.inputs, ...batchNorm.inputs.slice(1)];
  const outputs = [...batchNorm.outputs, ...relu.outputs];
  return { kernel: 'BatchNormSumReluGrad', inputs, attributes: {}, outputs };
}

function convolutionRelu(batchNorm: Node, shortcut: readonly Value[]): Node {
  const [image, filter] = batchNorm.inputs[0]!.node.inputs as [Value, Value];
  const inputs = [image, ...foldedIntoFilter(batchNorm, filter), ...shortcut];
  return { kernel: 'ConvolutionRelu', inputs, attributes: {}, outputs: batchNorm.outputs };
}

/** A sum of two gradients as one node with the convolution that computes one of them. */
function withSummedGradient(node: Node, uses: Uses): Node {
  const isTaken = ({ node }: Value) =>
    node.kernel === 'Conv2DBackpropInput' && isOwnConvolution(node) && uses(node, 0).length === 1;
  const gradient = node.inputs.find(isTaken);
  const added = node.inputs.find(input => input !== gradient);
  if (node.kernel !== 'Add' || !gradient || !added || !sameShape(typeOf(added), typeOf(gradient))) return node;
  return { ...node, kernel: 'ConvolutionInputGradientSum', inputs: [...gradient.node.inputs, added] };
}

/** The layers to rewrite, by each of their nodes. */
function layersOf(program: TracedProgram, uses: Uses): Map<Node, Layer> {
  const places = new Map(program.nodes.map((node, place) => [node, place]));
  const layers = new Map<Node, Layer>();
  for (const node of program.nodes) {
    const layer = layerOf(node, uses, places);
    if (!layer || layers.has(layer.relu)) continue;
    const { batchNorm, sum, relu, gradients } = layer;
    for (const part of [batchNorm, sum, relu, gradients?.relu, gradients?.batchNorm]) if (part) layers.set(part, layer);
  }
  return layers;
}

type Use = Node | 'result';

/** The nodes that use an output, one for each use; 'result' for a result of the program. */
type Uses = (node: Node, index: number) => readonly Use[];

function usesOf({ nodes, outputs, state }: TracedProgram): Uses {
  const uses = new Map(nodes.map(node => [node, node.outputs.map((): Use[] => [])]));
  for (const node of nodes) for (const input of node.inputs) uses.get(input.node)![input.index]!.push(node);
  for (const { node, index } of [...Object.values(outputs), ...Object.values(state)])
    uses.get(node)![index]!.push('result');
  return (node, index) => uses.get(node)![index]!;
}

function layerOf(batchNorm: Node, uses: Uses, places: ReadonlyMap<Node, number>): Layer | undefined {
  const isOwn = batchNorm.kernel === 'BatchNormTrain' ? isOwnBatchNorm(batchNorm) : isOwnInference(batchNorm, uses);
  if (!isOwn) return undefined;
  const onlyUse = (node: Node): Node | undefined => {
    const [use, ...others] = uses(node, 0);
    return use === 'result' || others.length > 0 ? undefined : use;
  };
  const taker = onlyUse(batchNorm);
  const sum = taker?.kernel === 'Add' ? taker : undefined;
  if (sum?.inputs.some(input => !sameShape(typeOf(input), batchNorm.outputs[0]!))) return undefined;
  const relu = sum ? onlyUse(sum) : taker;
  if (relu?.kernel !== 'Relu') return undefined;
  if (batchNorm.kernel === 'FusedBatchNorm') return { batchNorm, sum, relu, gradients: undefined };

  const [, mean, variance, savedMean, savedVariance] = batchNorm.outputs.map((_, index) => uses(batchNorm, index));
  // The new node stands in the place of the ReLU, so nothing before the ReLU can use the statistics.
  if ([...mean!, ...variance!].some(use => use !== 'result' && places.get(use)! < places.get(relu)!)) return undefined;
  const [grad, ...others] = new Set([...savedMean!, ...savedVariance!]);
  if (grad === undefined) return { batchNorm, sum, relu, gradients: undefined };
  const reluGrad = grad === 'result' ? undefined : grad.inputs[0]!.node;
  if (others.length > 0 || reluGrad?.kernel !== 'ReluGrad' || reluGrad.inputs[1]!.node !== relu) return undefined;
  if (!sum && uses(reluGrad, 0).length > 1) return undefined;
  return { batchNorm, sum, relu, gradients: { relu: reluGrad, batchNorm: grad as Node } };
}

function sameShape(a: ValueType, b: ValueType): boolean {
  return String(a.shape) === String(b.shape);
}

function isOwnBatchNorm({ outputs: [images] }: Node): boolean {
  return images!.dtype === 'float32' && images!.shape.at(-1)! % channelMultiple === 0;
}

/** Whether a node is batch normalisation by running averages that can be computed with the convolution before it. */
function isOwnInference({ kernel, inputs }: Node, uses: Uses): boolean {
  if (kernel !== 'FusedBatchNorm') return false;
  const convolution = inputs[0]!.node;
  return convolution.kernel === 'Conv2D' && isOwnConvolution(convolution) && uses(convolution, 0).length === 1;
}
