/**
 * Every kernel that the trace knows, on the `xla` engine's CPU plugin, against TF.js' own pure-JS backend: values and
 * gradients.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Executable } from '../../../src/engine/program.js';
import { lowerings } from '../../../src/engine/stablehlo/lower.js';
import { kernelRules } from '../../../src/engine/trace/kernels.js';
import { maxError } from '../../numbers.js';
import { describeUnless } from '../../shared.js';
import { cases, onReference, programOf, title } from '../kernelCases/reference.js';
import { compileForXla, noPlugin } from './plugin.js';

const tolerance = 1e-4;

test('Every kernel that the trace knows has a lowering to StableHLO', () => {
  assert.deepEqual(
    Object.keys(kernelRules).filter(kernel => !(kernel in lowerings)),
    [],
  );
});

describeUnless(noPlugin, 'The xla engine agrees with the pure-JS backend on', () => {
  const references = new Map(cases.map(row => [row, onReference(row)]));
  let executable: Executable;
  before(async () => {
    const programs = Object.fromEntries(cases.map(row => [title(row), programOf(row, references.get(row)!.inputs)]));
    executable = await compileForXla({ state: {}, programs });
  });
  after(() => executable.dispose());

  for (const row of cases) {
    test(title(row), async () => {
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
