/**
 * What each row of the table records, and what TF.js' pure-JS backend gives for it; every compiled engine is held to
 * it.
 */
import * as tf from '@tensorflow/tfjs';
import type { Program } from '../../../src/engine/program.js';
import type { HostTensor, HostTensors } from '../../../src/tensor.js';
import { randomTensor } from '../../numbers.js';
import { specsOf } from '../compute.js';
import { convolutionCases } from './convolutions.js';
import { elementwiseCases } from './elementwise.js';
import type { KernelCase } from './kernelCase.js';
import { reductionCases } from './reductions.js';
import { shapeCases } from './shape.js';
import { trainingCases } from './training.js';

export const cases = [...elementwiseCases, ...shapeCases, ...reductionCases, ...convolutionCases, ...trainingCases];
export const title = ({ kernel, what }: KernelCase) => `${kernel}: ${what}`;

/** The value of `op`, and its gradients by the float inputs for the gradient `dy` of the value. */
function applied(op: KernelCase['op'], row: KernelCase, inputs: readonly tf.Tensor[], dy: tf.Tensor | undefined) {
  const value = op(...inputs);
  const outputs: Record<string, tf.Tensor> = { value: value.dtype === 'bool' ? tf.cast(value, 'int32') : value };
  if (dy === undefined) return outputs;
  const isFloat = row.inputs.map(({ dtype }) => dtype === 'float32');
  const ofFloats = (...floats: tf.Tensor[]) => {
    const queue = [...floats];
    return op(...inputs.map((input, i) => (isFloat[i] ? queue.shift()! : input)));
  };
  const gradients = tf.grads(ofFloats)(
    inputs.filter((_, i) => isFloat[i]),
    dy,
  );
  for (const [i, gradient] of gradients.entries()) outputs[`gradient ${i}`] = gradient;
  return outputs;
}

/** What the reference backend gives, and the inputs of the row's program. */
export function onReference(row: KernelCase): { inputs: HostTensors; expected: HostTensors } {
  void tf.setBackend('cpu');
  const tensors = row.inputs.map(({ data, shape, dtype }) =>
    tf.tensor(data, [...shape], dtype === 'uint8' ? 'int32' : dtype),
  );
  const shape = row.reference(...tensors).shape;
  const dy = row.gradient ? randomTensor(`gradient of ${title(row)}`, shape) : undefined;
  const outputs = applied(row.reference, row, tensors, dy && tf.tensor(dy.data, shape));
  const inputs = Object.fromEntries(row.inputs.map((input, i) => [`input ${i}`, input]));
  return {
    inputs: dy ? { ...inputs, dy } : inputs,
    expected: Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, onHost(tensor)])),
  };
}

function onHost(tensor: tf.Tensor): HostTensor {
  const dtype = tensor.dtype as 'float32' | 'int32';
  return { dtype, shape: tensor.shape, data: tensor.dataSync<'float32' | 'int32'>() };
}

export function programOf(row: KernelCase, inputs: HostTensors): Program {
  return {
    inputs: specsOf(inputs),
    apply: (_, given) => {
      const tensors = row.inputs.map((_, i) => given[`input ${i}`]!);
      return { state: {}, outputs: applied(row.op, row, tensors, given.dy) };
    },
  };
}
