/**
 * Every kernel that the trace knows, on the `tensorflow` engine, against TF.js' own pure-JS backend: values and
 * gradients.
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { lowerings } from '../../src/engine/tensorflow/lower.js';
import { kernelRules } from '../../src/engine/trace/kernels.js';
import { trace } from '../../src/engine/trace/trace.js';
import { maxError } from '../numbers.js';
import { compileForTest } from './compute.js';
import { cases, onReference, programOf, title } from './kernelCases/reference.js';

const tolerance = 1e-4;

test('The table covers every kernel that the trace knows, and the tensorflow engine lowers them all', () => {
  const known = Object.keys(kernelRules).sort();
  assert.deepEqual([...new Set(cases.map(({ kernel }) => kernel))].sort(), known);
  const own = [
    'BatchNormRelu',
    'BatchNormReluGrad',
    'BatchNormSumReluGrad',
    'ConvolutionInputGradientSum',
    'ConvolutionRelu',
  ];
  assert.deepEqual(Object.keys(lowerings).sort(), [...known, 'BiasAdd', 'Constant', ...own].sort());
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
