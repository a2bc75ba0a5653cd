/** What `--resume` takes and what it refuses; one process a run folder. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { before, test } from 'node:test';
import { beginRunFolder } from '../../src/run/runFolder.js';
import { writeCheckpoint } from '../../src/train/checkpoint.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, expectExit, gala, galaSignalled, startGala } from './gala.js';
import { checkpointOf, metricsOf, onlyRun, recordOf } from './outcome.js';
import { smallConfig, smallTraining, writeSmallSet } from './smallSet.js';
import { until } from './until.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };
const set = writeSmallSet(at('set'));
let run: string;
let recordBefore: string;

before(async () => {
  await galaSignalled('SIGTERM', '"type":"start"', [...smallTraining(set, at('runs')), '--json'], options);
  run = onlyRun(at('runs'));
  recordBefore = readFileSync(join(run, 'run.json'), 'utf8');
});

test('Resuming with another config shows every difference as old → new and exits with 2', async () => {
  const flags = ['--set', 'loss.lambda1=0.5', 'train.epochs=7', 'data.workers=2', '--seed', '3'];
  const refused = await gala(['train', '--resume', run, '--data', set, ...flags], 2, options);
  const differences = [...refused.stderr.matchAll(/^ {2}([\w.]+): (.*) → (.*)$/gm)].map(([, ...parts]) =>
    parts.join(' '),
  );
  assert.deepEqual(differences.sort(), ['loss.lambda1 1 0.5', 'seed 0 3', 'train.epochs 3 7']);
  assert.equal(errorOf(refused).where, run);
  assert.equal(readFileSync(join(run, 'run.json'), 'utf8'), recordBefore);
});

test('Resuming on other images exits with 4', async () => {
  const other = writeSmallSet(at('other'), 2);
  const refused = await gala(['train', '--resume', run, '--data', other], 4, options);
  assert.match(errorOf(refused).message, /^The train images are not those this run began with\.$/);
  assert.ok(errorOf(refused).where.includes(other) && errorOf(refused).where.includes(run));
  assert.match(errorOf(refused).next, /--data/);
  assert.equal(readFileSync(join(run, 'run.json'), 'utf8'), recordBefore);
});

test(
  'Another thread count is warned about and goes on; a second process is refused with the pid of the ' +
    'first; a finished run is not resumed',
  async t => {
    const first = startGala(['train', '--resume', run, '--data', set, '--set', 'threads=2'], options);
    await first.printed(/^Going on at epoch 1/m);
    first.kill('SIGSTOP'); // alive, and not at its end before the others have come

    await t.test('the second process', async () => {
      const second = await gala(['train', '--resume', run, '--data', set], 4, options);
      assert.equal(errorOf(second).message, `Process ${first.pid} already works in this folder.`);
      assert.match(errorOf(second).next, new RegExp(`kill ${first.pid}\\b`));
      const latest = await gala(
        ['train', '--resume', ...smallConfig(), '--data', set, '--output', at('runs')],
        4,
        options,
      );
      assert.match(errorOf(latest).message, /^The unfinished run of .* is in progress: process \d+\.$/);
    });

    await t.test('the first goes on to the end', async () => {
      first.kill('SIGCONT');
      const { stderr } = expectExit(await first.finished, 0);
      assert.match(stderr, /^This run began with threads 1 and goes on with 2: its numbers will differ/m);
      const { status, engine, resumes } = recordOf(run);
      assert.equal(status, 'finished');
      assert.deepEqual([engine.threads, resumes.length, resumes[0]!.engine.threads], [1, 1, 2]);
    });

    await t.test('the finished run', async () => {
      const finished = readFileSync(join(run, 'run.json'), 'utf8');
      const refused = await gala(['train', '--resume', run, '--data', set], 2, options);
      assert.match(errorOf(refused).message, /^This run is finished; there is nothing to resume\.$/);
      assert.match(errorOf(refused).next, /gala eval --run/);
      assert.equal(readFileSync(join(run, 'run.json'), 'utf8'), finished);
    });
  },
);

test(
  'A best checkpoint that is later than the last one is where the run goes on: what it reports was ' + 'measured once',
  async () => {
    const killed = startGala(smallTraining(set, at('killed'), ['train.epochs=2']), {
      ...options,
      nodeOptions: ['--import', join(import.meta.dirname, 'killAt.js')],
      environment: { GALA_KILL_AT: 'before last.safetensors 2' },
    });
    assert.equal((await killed.finished).signal, 'SIGKILL');
    const folder = onlyRun(at('killed'));
    const top1 = metricsOf(folder)[1]!.test_top1! / 100;
    const { tensors, position } = checkpointOf(folder, 'last.previous'); // set aside, its successor is not there
    assert.equal(position.epoch, 2);
    // Epoch 2 was the best; trained again, it would be no better than epoch 1.
    const checkpoints = join(folder, 'checkpoints');
    writeCheckpoint(checkpoints, 'best', tensors, { ...position, epoch: 3, best: { epoch: 2, top1 } });
    writeCheckpoint(checkpoints, 'last', tensors, { ...position, best: { epoch: 1, top1: 1 } });

    await gala(['train', '--resume', folder, '--data', set], 0, options);
    const [best, last] = [checkpointOf(folder, 'best').position, checkpointOf(folder, 'last').position];
    assert.deepEqual(best.best, { epoch: 2, top1 });
    assert.deepEqual(last, best);
    const { results, resumes } = recordOf(folder);
    assert.equal(resumes[0]!.from_epoch, 2);
    assert.deepEqual(
      [...new Set(results.map(({ checkpoint, epoch }) => `${checkpoint} ${epoch}`))],
      ['best 2', 'last 2'],
    );
  },
);

test('A resumed run keeps its precision, whatever auto means on this machine', async () => {
  const starting = [...smallTraining(set, at('auto'), ['precision=auto']), '--json'];
  await galaSignalled('SIGTERM', '"type":"start"', starting, options);
  const stopped = onlyRun(at('auto'));
  const record = recordOf(stopped);
  const other = record.engine.precision === 'fp32' ? 'bf16' : 'fp32';
  const changed = { ...record, engine: { ...record.engine, precision: other } };
  writeFileSync(join(stopped, 'run.json'), JSON.stringify(changed));
  await gala(['train', '--resume', stopped, '--data', set], 0, options);
  assert.equal(recordOf(stopped).resumes.at(-1)!.engine.precision, other);
});

test('Something that is no run folder cannot be resumed: exit 4', async () => {
  const refused = await gala(['train', '--resume', temporary], 4, options);
  assert.match(errorOf(refused).message, /not a run folder/);
  assert.equal(errorOf(refused).where, temporary);
});

test(
  'Of two --continue at the same moment one begins the run; what a kill leaves before its record is ' + 'removed',
  async () => {
    const output = at('together');
    const continued = [...smallTraining(set, output), '--continue'];
    const places = join(output, 'fashion_mnist_lt/gala');
    const files = () => (existsSync(places) ? (readdirSync(places, { recursive: true }) as string[]) : []);
    const isBeginning = () => files().some(name => /^\.begin-.*\.lock-/.test(name));
    const first = startGala(continued, options);
    await until(isBeginning);
    first.kill('SIGSTOP');
    const second = errorOf(await gala(continued, 4, options));
    assert.match(second.message, new RegExp(`^The process ${first.pid} is beginning this very run\\.$`));
    assert.match(second.next, /^Wait for it: /);
    first.kill('SIGKILL');
    await first.finished;

    // The kill may have left a run folder as well.
    const left = beginRunFolder({ output, name: 'fashion_mnist_lt/gala', seed: 0 });
    left.lock.release();
    await gala(continued, 0, options);
    assert.deepEqual(readdirSync(places), [basename(onlyRun(output))]);
  },
);
