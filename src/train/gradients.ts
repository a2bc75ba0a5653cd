/** Gradients of a function that returns more than its value. */
import * as tf from '@tensorflow/tfjs';
import type { Tensors } from '../engine/program.js';

/**
 * The value of `f` at `xs`, its gradient by each of `xs`, and the tensors that `f` returns beside the value and that
 * are not differentiated. TF.js has no counterpart of `has_aux` in JAX's `value_and_grad`.
 */
export function valueAndGradients<Aux extends Tensors>(
  f: (...xs: tf.Tensor[]) => { value: tf.Scalar; aux: Aux },
  xs: readonly tf.Tensor[],
): { value: tf.Scalar; gradients: tf.Tensor[]; aux: Aux } {
  let aux: Aux | undefined;
  const { value, grads } = tf.valueAndGrads((...given: tf.Tensor[]) => {
    const result = f(...given);
    aux = result.aux;
    for (const tensor of Object.values(aux)) tf.keep(tensor); // else they end with the differentiated function
    return result.value;
  })([...xs]);
  return { value, gradients: grads, aux: aux! };
}
