/** Every kernel that the trace knows, on the `tensorflow` engine, against TF.js' own pure-JS backend: values and gradients. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { HostTensor, HostTensors, Program } from '../../src/engine/program.js';
import { loweredKernels } from '../../src/engine/tensorflow/lower.js';
import { kernelRules } from '../../src/engine/trace/kernels.js';
import { trace } from '../../src/engine/trace/trace.js';
import { maxError, randomTensor } from '../numbers.js';
import { compileForTest, specsOf } from './compute.js';
import { convolutionCases } from './kernelCases/convolutions.js';
import { elementwiseCases } from './kernelCases/elementwise.js';
import type { KernelCase } from './kernelCases/kernelCase.js';
import { reductionCases } from './kernelCases/reductions.js';
import { shapeCases } from './kernelCases/shape.js';
import { trainingCases } from './kernelCases/training.js';

const tolerance = 1e-4;
const cases = [...elementwiseCases, ...shapeCases, ...reductionCases, ...convolutionCases, ...trainingCases];
const title = ({ kernel, what }: KernelCase) => `${kernel}: ${what}`;

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
function onReference(row: KernelCase): { inputs: HostTensors; expected: HostTensors } {
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

function programOf(row: KernelCase, inputs: HostTensors): Program {
  return {
    inputs: specsOf(inputs),
    apply: (_, given) => {
      const tensors = row.inputs.map((_, i) => given[`input ${i}`]!);
      return { state: {}, outputs: applied(row.op, row, tensors, given.dy) };
    },
  };
}

test('The table covers every kernel that the trace knows, and the tensorflow engine lowers them all', () => {
  const known = Object.keys(kernelRules).sort();
  assert.deepEqual([...new Set(cases.map(({ kernel }) => kernel))].sort(), known);
  assert.deepEqual(loweredKernels().sort(), [...known, 'Constant'].sort());
  assert.equal(new Set(cases.map(title)).size, cases.length, 'two rows have one title');
});

const references = new Map(cases.map(row => [row, onReference(row)]));
const programs = Object.fromEntries(cases.map(row => [title(row), programOf(row, references.get(row)!.inputs)]));
const executable = await compileForTest({ state: {}, programs });
after(() => executable.dispose());

describe('The tensorflow engine agrees with the pure-JS backend on', () => {
  for (const row of cases) {
    test(title(row), async () => {
      const recorded = trace(programs[title(row)]!, {}).nodes.map(node => node.kernel);
      assert.ok(recorded.includes(row.kernel), `the row does not use its kernel, but ${recorded.join(', ')}`);
      const { inputs, expected } = references.get(row)!;
      const outputs = await executable.run(title(row), inputs);
      assert.deepEqual(Object.keys(outputs), Object.keys(expected));
      for (const [name, output] of Object.entries(outputs)) {
        const { dtype, shape, data } = expected[name]!;
        assert.deepEqual({ dtype: output.dtype, shape: [...output.shape] }, { dtype, shape: [...shape] }, name);
        const error = maxError(output.data, data);
        assert.ok(error <= (dtype === 'int32' ? 0 : tolerance), `${name}: max|a−b|/max|b| = ${error}`);
      }
    });
  }
});
