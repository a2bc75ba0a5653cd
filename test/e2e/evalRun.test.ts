/** Which logits `gala eval --run` takes, which it computes, and what of them it keeps in the run. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { readLogitsFile, writeLogitsFile } from '../../src/eval/logitsFile.js';
import { lockFolder } from '../../src/io/folderLock.js';
import { updateRecord } from '../../src/run/record.js';
import { readCheckpoint, writeCheckpoint } from '../../src/train/checkpoint.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, gala } from './gala.js';
import { filesIn, onlyRun, recordOf } from './outcome.js';
import { smallTraining, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };
const set = writeSmallSet(at('set'));
const otherSet = writeSmallSet(at('other set'), 2);
let run: string;

before(async () => {
  await gala(smallTraining(set, at('runs')), 0, options);
  run = onlyRun(at('runs'));
});

/** A copy of the run, with the path of its test logits of `best`. */
function copyOf(name: string): { copy: string; stored: string } {
  const copy = at(name);
  cpSync(run, copy, { recursive: true });
  return { copy, stored: join(copy, 'logits/test-best.safetensors') };
}

async function evaluate(copy: string, ...flags: readonly string[]) {
  const { stdout, stderr } = await gala(['eval', '--run', copy, ...flags, '--format', 'json'], 0, options);
  const [plain] = JSON.parse(stdout) as { top1: number; epoch: number | null; selected_on: string | null }[];
  return { ...plain!, stderr };
}

const recorded = () => Number(recordOf(run).results[0]!.top1.toFixed(2));

test(
  'A named engine computes anew and keeps nothing; without one the stored logits are taken, and --data ' +
    'is said to be of no use',
  async () => {
    const { copy, stored } = copyOf('tampered');
    const evaluation = readLogitsFile(stored);
    writeLogitsFile(stored, { ...evaluation, logits: evaluation.logits.map(value => -value) });
    const before = readFileSync(stored);
    const kept = await evaluate(copy, '--data', otherSet);
    assert.notEqual(kept.top1, recorded());
    assert.match(kept.stderr, /^The logits that this run keeps are used; --data is not read\.$/m);
    const computed = await evaluate(copy, '--data', set, '--engine', 'tensorflow');
    assert.equal(computed.top1, recorded());
    assert.doesNotMatch(computed.stderr, /keep/);
    assert.ok(readFileSync(stored).equals(before));
  },
);

test(
  'Other test images are evaluated, told and not kept; other training images are refused where they are ' +
    'evaluated or other classes are rare',
  async () => {
    const { copy, stored } = copyOf('other');
    rmSync(stored);
    const other = await evaluate(copy, '--data', otherSet);
    assert.match(
      other.stderr,
      /^The test images are not those that this run was evaluated on: the logits are not kept/m,
    );
    const refused = async (...flags: readonly string[]) => {
      const { message, next } = errorOf(await gala(['eval', '--run', copy, '--data', otherSet, ...flags], 4, options));
      assert.equal(message, 'The train images are not those this run began with.');
      assert.equal(
        next,
        'Give the folder of the same files with --data, or evaluate other images with --config C --weights FILE.',
      );
    };
    await refused('--split', 'train');
    const labels = readFileSync(join(otherSet, 'train-labels-idx1-ubyte'));
    labels[8] = (labels[8]! + 1) % 10;
    writeFileSync(join(otherSet, 'train-labels-idx1-ubyte'), labels);
    await refused();
    assert.deepEqual(filesIn(join(copy, 'logits')), ['test-last.safetensors']);
  },
);

test('In a run that another process works in nothing is stored; afterwards it is', async () => {
  const { copy, stored } = copyOf('held');
  rmSync(stored);
  const lock = lockFolder(copy);
  const beside = await evaluate(copy, '--data', set);
  lock.release();
  assert.equal(beside.top1, recorded());
  assert.match(beside.stderr, /^The logits are not kept in the run: Process \d+ already works in this folder\.$/m);
  assert.ok(!existsSync(stored));
  assert.equal((await evaluate(copy, '--data', set)).top1, recorded());
  assert.ok(existsSync(stored));
});

test('A checkpoint from inside an epoch is of no epoch, and is evaluated each time', async () => {
  const { copy } = copyOf('interrupted');
  updateRecord(join(copy, 'run.json'), { status: 'interrupted' });
  const folder = join(copy, 'checkpoints');
  const { state, progress } = readCheckpoint(join(folder, 'last.safetensors'));
  writeCheckpoint(folder, 'last', state, { ...progress, epoch: 3, step: 5 });
  for (const done of ['Written to', 'Replaced in']) {
    const { epoch, selected_on, stderr } = await evaluate(copy, '--checkpoint', 'last', '--data', set);
    assert.deepEqual([epoch, selected_on], [null, null]);
    assert.match(stderr, new RegExp(`^${done} .*eval/test-last: `, 'm'));
  }
  const { stderr } = await gala(
    ['export', '--run', copy, '--checkpoint', 'last', '--output', at('x.safetensors')],
    0,
    options,
  );
  assert.match(stderr, /of checkpoint last \(epoch 2 and 5 steps\)$/m);
});
