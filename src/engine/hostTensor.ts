/** Tensors that go into and come out of an engine: their types are checked. */
import { EngineError } from '../errors.js';
import { type HostTensor, sizeOf, type TensorSpec } from '../tensor.js';

/** A type that a program may have and the host may lack. */
interface Untyped {
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** `value` if it has the type `spec`. Throws `EngineError` that names both types; `what` names the tensor. */
export function matching(what: string, value: HostTensor | undefined, spec: TensorSpec): HostTensor {
  if (
    value?.dtype === spec.dtype &&
    value.shape.join() === spec.shape.join() &&
    value.data.length === sizeOf(spec.shape)
  )
    return value;
  const given = value ? `${value.dtype} [${value.shape}] with ${value.data.length} elements` : 'nothing';
  throw new EngineError(`The ${what} takes ${spec.dtype} [${spec.shape}] and was given ${given}.`);
}

/** A tensor of type `spec` on `bytes`, which are not copied. */
export function hostTensor({ dtype, shape }: TensorSpec, bytes: ArrayBuffer): HostTensor {
  const types = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };
  return { dtype, shape, data: new types[dtype](bytes) };
}

/** The type of an output as a tensor on the host. Throws `EngineError` for a type that the host lacks. */
export function outputSpec(output: string, { dtype, shape }: Untyped): TensorSpec {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'uint8') return { dtype, shape };
  throw new EngineError(`The output '${output}' is ${dtype}.`, { next: 'Cast it to int32.' });
}

/** Throws `EngineError` unless the state `after` a program has only entries of the state `before`, with their types. */
export function requireSameTypes(
  before: Readonly<Record<string, TensorSpec>>,
  after: Readonly<Record<string, Untyped>>,
): void {
  for (const [name, { dtype, shape }] of Object.entries(after)) {
    const spec = before[name];
    if (spec === undefined)
      throw new EngineError(`A program returns the state entry '${name}', which is not part of the state.`);
    if (spec.dtype === dtype && spec.shape.join() === shape.join()) continue;
    throw new EngineError(
      `A program changes the type of the state entry '${name}' from ${spec.dtype} [${spec.shape}] to ` +
        `${dtype} [${shape}].`,
    );
  }
}
