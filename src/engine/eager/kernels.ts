/**
 * Kernels that tfjs-node-gpu lacks or has too narrow: those of `../trainingKernels.ts` are one TensorFlow operation
 * each.
 */
import * as tf from '@tensorflow/tfjs';
import { backendName, execute, type Kernel, type OpAttribute, type TensorFlowBackend } from './backend.js';
import { windowKernels } from './windows.js';

const T: Record<string, OpAttribute> = { T: { type: 'float32' } };

const batchNorm = (attrs: Readonly<Record<string, unknown>>): Record<string, OpAttribute> => ({
  ...T,
  U: { type: 'float32' },
  epsilon: { float: attrs.epsilon as number },
  data_format: { string: 'NHWC' },
  is_training: { bool: true },
});

const trainingKernels: Readonly<Record<string, Kernel>> = {
  ReluGrad: (backend, { dy, y }) => execute(backend, 'ReluGrad', [dy!, y!], T),
  BatchNormTrain: (backend, { x, scale, offset }, attrs) => {
    const empty = tf.tensor1d([]);
    const attributes = { ...batchNorm(attrs), exponential_avg_factor: { float: 1 } };
    const outputs = execute(backend, 'FusedBatchNormV3', [x!, scale!, offset!, empty, empty], attributes, 6);
    empty.dispose();
    return outputs;
  },
  BatchNormTrainGrad: (backend, { dy, x, scale, savedMean, savedVariance, reserve }, attrs) => {
    const inputs = [dy!, x!, scale!, savedMean!, savedVariance!, reserve!];
    const [dx, dScale, dOffset, ...unused] = execute(backend, 'FusedBatchNormGradV3', inputs, batchNorm(attrs), 5);
    tf.dispose(unused);
    return [dx!, dScale!, dOffset!];
  },
  SparseSoftmaxCrossEntropy: (backend, { logits, labels }) =>
    execute(
      backend,
      'SparseSoftmaxCrossEntropyWithLogits',
      [logits!, labels!],
      { ...T, Tlabels: { type: 'int32' } },
      2,
    ),
};

/**
 * Makes the kernels known to TF.js for the backend of tfjs-node-gpu, in place of the package's own where it has them.
 */
export function registerKernels(): void {
  for (const [kernelName, kernel] of Object.entries({ ...trainingKernels, ...windowKernels })) {
    if (tf.getKernel(kernelName, backendName)) tf.unregisterKernel(kernelName, backendName);
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ backend, inputs, attrs }) => {
        const given = inputs as unknown as Readonly<Record<string, tf.TensorInfo>>;
        const outputs = kernel(backend as TensorFlowBackend, given, attrs ?? {});
        return outputs.length === 1 ? outputs[0]! : outputs;
      },
    });
  }
  acceptNegativeAxes();
}

/** The package's gather looks up the size of axis −1 in vain. */
function acceptNegativeAxes(): void {
  const stock = tf.getKernel('GatherV2', backendName);
  tf.unregisterKernel('GatherV2', backendName);
  tf.registerKernel({
    ...stock,
    kernelFunc: given => {
      const { shape } = (given.inputs as unknown as { x: tf.TensorInfo }).x;
      const [axis] = tf.util.parseAxisParam((given.attrs as { axis: number }).axis, shape);
      return stock.kernelFunc({ ...given, attrs: { ...given.attrs, axis: axis! } });
    },
  });
}
