/**
 * Kernels that training needs and TF.js lacks, added the TF.js way: a kernel name, a registered gradient, a function.
 * TF.js' own gradients for these are composites (ones on the host, masks, moments) that cost several times as much.
 */
import * as tf from '@tensorflow/tfjs';
import { EngineError } from '../errors.js';

const run = (kernel: string, inputs: Record<string, tf.Tensor>, attrs: tf.NamedAttrMap = {}) =>
  tf.engine().runKernel(kernel, inputs, attrs) as unknown;

/**
 * The gradient of a sum over axes: that of the result, wherever its parts came from. TF.js multiplies it by as many
 * ones, made on the host.
 */
function spreadBack(dy: tf.Tensor, x: tf.Tensor, axis: unknown): tf.Tensor {
  const axes = tf.util.parseAxisParam(axis as number[], x.shape);
  const isSummed = (i: number) => axes.includes(i);
  const kept = tf.reshape(
    dy,
    x.shape.map((size, i) => (isSummed(i) ? 1 : size)),
  );
  return tf.tile(
    kept,
    x.shape.map((size, i) => (isSummed(i) ? size : 1)),
  );
}

tf.unregisterGradient('Sum');
tf.registerGradient({
  kernelName: 'Sum',
  inputsToSave: ['x'],
  gradFunc: (dy, [x], attrs) => ({ x: () => spreadBack(dy as tf.Tensor, x!, attrs.axis) }),
});

tf.unregisterGradient('Mean');
tf.registerGradient({
  kernelName: 'Mean',
  inputsToSave: ['x'],
  gradFunc: (dy, [x], attrs) => {
    const count = x!.size / (dy as tf.Tensor).size;
    return { x: () => spreadBack(tf.div(dy as tf.Tensor, count), x!, attrs.axis) };
  },
});

tf.unregisterGradient('Relu');
tf.registerGradient({
  kernelName: 'Relu',
  outputsToSave: [true],
  gradFunc: (dy, [y]) => ({ x: () => run('ReluGrad', { dy: dy as tf.Tensor, y: y! }) as tf.Tensor }),
});

tf.registerGradient({
  kernelName: 'BatchNormTrain',
  inputsToSave: ['x', 'scale'],
  // A sixth output comes where TensorFlow runs the operation itself (the eager engine): its gradient wants it back.
  outputsToSave: [false, false, false, true, true, true],
  gradFunc: (dys, [x, scale, savedMean, savedVariance, reserve], attrs) => {
    const inputs = {
      dy: (dys as tf.Tensor[])[0]!,
      x: x!,
      scale: scale!,
      savedMean: savedMean!,
      savedVariance: savedVariance!,
      ...(reserve && { reserve }),
    };
    const [dx, dScale, dOffset] = run('BatchNormTrainGrad', inputs, attrs) as tf.Tensor[];
    return { x: () => dx!, scale: () => dScale!, offset: () => dOffset! };
  },
});

tf.registerGradient({
  kernelName: 'GroupedConv2D',
  inputsToSave: ['x', 'filter'],
  gradFunc: (dy, [x, filter], attrs) => {
    const dImage = { dy: dy as tf.Tensor, filter: filter! };
    const dFilter = { x: x!, dy: dy as tf.Tensor };
    return {
      x: () => run('GroupedConv2DBackpropInput', dImage, { ...attrs, inputShape: x!.shape }) as tf.Tensor,
      filter: () => run('GroupedConv2DBackpropFilter', dFilter, { ...attrs, filterShape: filter!.shape }) as tf.Tensor,
    };
  },
});

tf.registerGradient({
  kernelName: 'SparseSoftmaxCrossEntropy',
  inputsToSave: ['labels'],
  outputsToSave: [false, true],
  gradFunc: (dys, [labels, backprop]) => ({
    logits: () => tf.mul(tf.expandDims((dys as tf.Tensor[])[0]!, 1), backprop!),
    labels: () => tf.zerosLike(labels!),
  }),
});

export interface BatchNormResult {
  /** Normalised `[B, H, W, C]`. */
  y: tf.Tensor4D;
  /** Batch mean `[C]`. */
  mean: tf.Tensor1D;
  /** Batch variance `[C]` with Bessel's correction, as running statistics take it. */
  variance: tf.Tensor1D;
}

/**
 * Batch normalisation in training mode over all but the last axis of `x` `[B, H, W, C]`; `scale` and `offset` `[C]`.
 */
export function batchNormTrain(
  x: tf.Tensor4D,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  epsilon: number,
): BatchNormResult {
  const [y, mean, variance] = run('BatchNormTrain', { x, scale, offset }, { epsilon }) as tf.Tensor[];
  return { y: y as tf.Tensor4D, mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D };
}

/**
 * Convolution in groups, as `torch.nn.Conv2d(groups=G)`: group g of the G = C / filter's inputs groups of channels of
 * `x` `[B, H, W, C]` gives channels gO/G … (g+1)O/G − 1 of the result, by those outputs of `filter` `[h, w, C/G, O]`.
 */
export function groupedConv2d(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  strides: number,
  pad: 'same' | 'valid',
): tf.Tensor4D {
  const [channels, inputs, outputs] = [x.shape[3], filter.shape[2], filter.shape[3]];
  if (channels % inputs !== 0 || outputs % (channels / inputs) !== 0) {
    throw new EngineError(
      `A filter [${filter.shape}] does not convolve ${channels} channels in groups: ${inputs} must divide ` +
        `them, and their number the ${outputs} outputs.`,
    );
  }
  return run('GroupedConv2D', { x, filter }, { strides, pad }) as tf.Tensor4D;
}

/** Cross-entropy per sample `[B]` of logits `[B, C]` and int32 labels `[B]`. */
export function sparseSoftmaxCrossEntropy(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor1D {
  const [loss] = run('SparseSoftmaxCrossEntropy', { logits, labels }) as tf.Tensor[];
  return loss as tf.Tensor1D;
}

/**
 * Sum of `values` `[B]` by class `[classes]`: out_j = Σ_{i: labels_i = j} values_i. Has no gradient of its own here.
 */
export function sumByClass(values: tf.Tensor1D, labels: tf.Tensor1D, classes: number): tf.Tensor1D {
  return tf.unsortedSegmentSum(values, labels, classes) as tf.Tensor1D;
}
