/** A run that was killed and resumed, as the real TensorBoard reads it: while it is open, and opened afterwards. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';
import { toolPython } from '../toolPython.js';
import { gala, packageRoot, startGala } from './gala.js';
import { metricsOf, onlyRun } from './outcome.js';
import { smallTraining, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const options = { cwd: temporary };
const python = toolPython('tensorboard');
const skip = python === undefined && 'there is no Python with tensorboard; scripts/test-tools.sh makes one';

type Scalars = Record<string, [seconds: number, step: number, value: number][]>;

test('TensorBoard shows each epoch of a killed and resumed run once, with the values and times of metrics.jsonl', {
  skip,
}, async t => {
  const set = writeSmallSet(join(temporary, 'set'));
  const output = join(temporary, 'runs');
  // Epoch 2 stands in metrics and events when the kill comes, and is trained again.
  const killed = await startGala(smallTraining(set, output, ['eval.select_on=last']), {
    ...options,
    nodeOptions: ['--import', join(import.meta.dirname, 'killAt.js')],
    environment: { GALA_KILL_AT: 'after last.previous.safetensors 1' },
  }).finished;
  assert.equal(killed.signal, 'SIGKILL', killed.stderr);
  const run = onlyRun(output);
  const reader = startReader(run);
  t.after(() => reader.end());

  const before = await reader.read();
  assert.deepEqual(stepsOf(before.kept), [1, 2]);
  assert.deepEqual(before.fresh, before.kept);
  const begun = Date.now() / 1000;
  await gala(['train', '--resume', run, '--data', set], 0, options);
  const { kept, fresh } = await reader.read();

  const metrics = metricsOf(run);
  const expected: Scalars = {};
  for (const { epoch, unix_seconds, ...values } of metrics) {
    for (const [name, value] of Object.entries(values)) {
      const tag = name.startsWith('test_') ? name.replace('_', '/') : `train/${name}`;
      expected[tag] = [...(expected[tag] ?? []), [unix_seconds!, epoch!, Math.fround(value)]];
    }
  }
  assert.deepEqual(stepsOf(fresh), [1, 2, 3]);
  assert.deepEqual(fresh, expected);
  assert.deepEqual(kept, expected);
  const [first, second, third] = metrics.map(({ unix_seconds }) => unix_seconds!);
  assert.ok(first! < begun && begun < second! && second! < third!, 'the epochs of the second process are of its time');
});

function stepsOf(scalars: Scalars): number[] {
  return scalars['train/loss']!.map(([, step]) => step);
}

/** The Python process; its stderr goes to the test's. */
function startReader(run: string) {
  const script = join(packageRoot, 'test/e2e/readWithTensorboard.py');
  const child = spawn(python!, [script, run], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async read(): Promise<{ kept: Scalars; fresh: Scalars }> {
      child.stdin.write('read\n');
      const { value, done } = await lines.next();
      assert.ok(!done, 'TensorBoard ended without an answer');
      return JSON.parse(value) as { kept: Scalars; fresh: Scalars };
    },
    end: () => child.stdin.end(),
  };
}
