/** The part of tfjs-node-gpu's backend that gala uses: TensorFlow operations by name, on TF.js tensors. */
import tf from '../../tfjs.cjs';

/** The name by which TF.js knows the backend of tfjs-node-gpu. */
export const backendName = 'tensorflow';

/** An attribute of an operation; the key is its kind, as in TensorFlow's C API. */
export type OpAttribute =
  | { readonly type: 'float32' | 'int32' }
  | { readonly float: number }
  | { readonly bool: boolean }
  | { readonly string: string }
  | { readonly ints: readonly number[] };

type Binding = Readonly<
  Record<
    'TF_FLOAT' | 'TF_INT32' | 'TF_ATTR_TYPE' | 'TF_ATTR_FLOAT' | 'TF_ATTR_BOOL' | 'TF_ATTR_STRING' | 'TF_ATTR_INT',
    number
  >
>;

/** `NodeJSKernelBackend` of tfjs-node-gpu 4.22. Its type declarations may be missing: the package is optional. */
export interface TensorFlowBackend extends tf.KernelBackend {
  readonly binding: Binding;
  readonly isUsingGpuDevice: boolean;
  executeMultipleOutputs(
    operation: string,
    attributes: readonly { name: string; type: number; value: unknown }[],
    inputs: readonly tf.TensorInfo[],
    outputs: number,
  ): tf.Tensor[];
}

/** A TF.js kernel for this backend; its inputs by name. */
export type Kernel = (
  backend: TensorFlowBackend,
  inputs: Readonly<Record<string, tf.TensorInfo>>,
  attrs: Readonly<Record<string, unknown>>,
) => tf.TensorInfo[];

/** Runs one TensorFlow operation and returns its first `outputs` results. Throws TensorFlow's own error. */
export function execute(
  backend: TensorFlowBackend,
  operation: string,
  inputs: readonly tf.TensorInfo[],
  attributes: Readonly<Record<string, OpAttribute>>,
  outputs = 1,
): tf.Tensor[] {
  const { binding } = backend;
  const encoded = Object.entries(attributes).map(([name, attribute]) => {
    if ('type' in attribute) {
      const value = attribute.type === 'float32' ? binding.TF_FLOAT : binding.TF_INT32;
      return { name, type: binding.TF_ATTR_TYPE, value };
    }
    if ('float' in attribute) return { name, type: binding.TF_ATTR_FLOAT, value: attribute.float };
    if ('bool' in attribute) return { name, type: binding.TF_ATTR_BOOL, value: attribute.bool };
    if ('string' in attribute) return { name, type: binding.TF_ATTR_STRING, value: attribute.string };
    return { name, type: binding.TF_ATTR_INT, value: attribute.ints };
  });
  return backend.executeMultipleOutputs(operation, encoded, inputs, outputs);
}

/** Runs `body` with tfjs-node-gpu as TF.js' backend, and then restores the backend before. */
export function onBackend<T>(body: (backend: TensorFlowBackend) => T): T {
  const previous = tf.engine().backendName;
  void tf.setBackend(backendName); // switches at once, because the backend exists since the addon was loaded
  try {
    return body(tf.engine().backend as TensorFlowBackend);
  } finally {
    if (previous) void tf.setBackend(previous);
  }
}
