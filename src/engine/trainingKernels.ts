/**
 * Kernels that training needs and TF.js lacks. Each has a kernel name, a registered gradient and a function, as TF.js'
 * own kernels do. Without them TF.js builds these gradients from several ops, which take several times as long.
 */
import { EngineError } from '../errors.js';
import tf from '../tfjs.cjs';

const run = (kernel: string, inputs: Record<string, tf.Tensor>, attrs: tf.NamedAttrMap = {}) =>
  tf.engine().runKernel(kernel, inputs, attrs) as unknown;

/**
 * The gradient of a sum over axes: `dy` repeated along the summed axes of `x`. TF.js multiplies `dy` by a tensor of
 * ones that it makes on the host.
 */
function repeated(dy: tf.Tensor, x: tf.Tensor, axis: unknown): tf.Tensor {
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
  gradFunc: (dy, [x], attrs) => ({ x: () => repeated(dy as tf.Tensor, x!, attrs.axis) }),
});

tf.unregisterGradient('Mean');
tf.registerGradient({
  kernelName: 'Mean',
  inputsToSave: ['x'],
  gradFunc: (dy, [x], attrs) => {
    const count = x!.size / (dy as tf.Tensor).size;
    return { x: () => repeated(tf.div(dy as tf.Tensor, count), x!, attrs.axis) };
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
  // The eager engine, where TensorFlow runs the operation, has a sixth output, which TensorFlow's gradient needs.
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
  /** Batch variance `[C]` with Bessel's correction, for running statistics. */
  variance: tf.Tensor1D;
}

/** Batch normalisation in training mode of `x` `[B, H, W, C]` over all axes but the last; `scale`, `offset` `[C]`. */
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
 * Convolution in G groups, as `torch.nn.Conv2d(groups=G)`, of `x` `[B, H, W, C]` with `filter` `[h, w, C/G, O]`: the
 * g-th group of C/G channels of `x` gives the g-th group of O/G channels of the result. Throws `EngineError` where the
 * sizes give no groups.
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

/** Sums of `values` `[B]` per class, `[classes]`: out_j = Σ_{i: labels_i = j} values_i. It has no gradient. */
export function sumByClass(values: tf.Tensor1D, labels: tf.Tensor1D, classes: number): tf.Tensor1D {
  return tf.unsortedSegmentSum(values, labels, classes) as tf.Tensor1D;
}
