/**
 * Convolutions and poolings on tfjs-node-gpu with padding in pixels and in groups: TensorFlow computes them, and the
 * package's own kernels refuse them in gradients.
 */
import * as tf from '@tensorflow/tfjs';
import { execute, type Kernel, type OpAttribute } from './backend.js';

type Attrs = Readonly<Record<string, unknown>>;
type Shape4D = [number, number, number, number];

/** As `Conv2DInfo` and the like of TF.js: strides, and padding by sides. */
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

export const windowKernels: Readonly<Record<string, Kernel>> = {
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
