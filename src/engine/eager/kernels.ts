/**
 * Kernels that tfjs-node-gpu lacks (those of `../trainingKernels.ts`), and convolutions and poolings, whose own kernels
 * refuse padding in pixels in gradients. Each kernel is one TensorFlow operation.
 */
import tf from '../../tfjs.cjs';
import { backendName, execute, type Kernel, type OpAttribute, type TensorFlowBackend } from './backend.js';

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

type Attrs = Readonly<Record<string, unknown>>;
type Shape4D = [number, number, number, number];

/** The part that TF.js' `Conv2DInfo` and its info of pooling share. */
interface Window {
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly padInfo: { type: string; top: number; bottom: number; left: number; right: number };
}

function spatial({ strideHeight, strideWidth, padInfo }: Window): Record<string, OpAttribute> {
  const { type, top, bottom, left, right } = padInfo;
  const common = { T: { type: 'float32' as const }, strides: { ints: [1, strideHeight, strideWidth, 1] } };
  if (type === 'SAME' || type === 'VALID') return { ...common, padding: { string: type } };
  const sides = { ints: [0, 0, top, bottom, left, right, 0, 0] };
  return { ...common, padding: { string: 'EXPLICIT' }, explicit_paddings: sides };
}

function convolution(imageShape: readonly number[], filterShape: readonly number[], attrs: Attrs) {
  const info = tf.backend_util.computeConv2DInfo(
    imageShape as Shape4D,
    filterShape as Shape4D,
    attrs.strides as number,
    (attrs.dilations as number | undefined) ?? 1,
    attrs.pad as 'same',
  );
  return { ...spatial(info), dilations: { ints: [1, info.dilationHeight, info.dilationWidth, 1] } };
}

function pooling(imageShape: readonly number[], attrs: Attrs) {
  const size = attrs.filterSize as number;
  const info = tf.backend_util.computePool2DInfo(
    imageShape as Shape4D,
    size,
    attrs.strides as number,
    1,
    attrs.pad as 'same',
  );
  return { ...spatial(info), ksize: { ints: [1, info.filterHeight, info.filterWidth, 1] } };
}

const forward: Kernel = (backend, { x, filter }, attrs) =>
  execute(backend, 'Conv2D', [x!, filter!], convolution(x!.shape, filter!.shape, attrs));

const inputGradient: Kernel = (backend, { dy, filter }, attrs) => {
  const shape = attrs.inputShape as number[];
  const sizes = tf.tensor1d(shape, 'int32');
  const attributes = convolution(shape, filter!.shape, attrs);
  const outputs = execute(backend, 'Conv2DBackpropInput', [sizes, filter!, dy!], attributes);
  sizes.dispose();
  return outputs;
};

const filterGradient: Kernel = (backend, { x, dy }, attrs) => {
  const shape = attrs.filterShape as number[];
  const sizes = tf.tensor1d(shape, 'int32');
  const outputs = execute(backend, 'Conv2DBackpropFilter', [x!, sizes, dy!], convolution(x!.shape, shape, attrs));
  sizes.dispose();
  return outputs;
};

const windowKernels: Readonly<Record<string, Kernel>> = {
  Conv2D: forward,
  Conv2DBackpropInput: inputGradient,
  Conv2DBackpropFilter: filterGradient,
  GroupedConv2D: forward,
  GroupedConv2DBackpropInput: inputGradient,
  GroupedConv2DBackpropFilter: filterGradient,
  MaxPool: (backend, { x }, attrs) => execute(backend, 'MaxPool', [x!], pooling(x!.shape, attrs)),
  MaxPoolGrad: (backend, { dy, input, output }, attrs) =>
    execute(backend, 'MaxPoolGrad', [input!, output!, dy!], pooling(input!.shape, attrs)),
};

/** Registers the kernels for the backend of tfjs-node-gpu, in place of the package's own kernels. */
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

/** The package's gather fails for axis −1. */
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
