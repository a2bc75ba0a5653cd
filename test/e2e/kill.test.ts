/** SIGKILL at any moment, during a save too: the run goes on and ends with the bits of a run that nobody disturbed. */
import assert from 'node:assert/strict';
import { existsSync, type FSWatcher, readFileSync, rmSync, watch } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readSafetensors } from '../../src/io/safetensors.js';
import { randomFor } from '../../src/random.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, expectExit, type Finished, type GalaProcess, gala, startGala } from './gala.js';
import { assertSameOutcome, filesIn, metricsOf, onlyRun, recordOf, runFolders, untimedFilesIn } from './outcome.js';
import { smallConfig, smallTraining, writeSmallSet } from './smallSet.js';

/** How many random kills, and the seed of their moments; docs/benchmarks.md has the figures of the long form. */
const kills = Number(process.env.GALA_E2E_KILLS ?? 3);
const seed = Number(process.env.GALA_E2E_KILLS_SEED ?? 0);

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };
const set = writeSmallSet(at('set'));
let unbroken: string;
let unbrokenMilliseconds: number;
/** Writes, syncs and renames of the unbroken run. */
let operations: number;

before(async () => {
  const started = performance.now();
  const { stderr } = expectExit(await startKilledAt(smallTraining(set, at('unbroken')), 'at operation 0').finished, 0);
  unbrokenMilliseconds = performance.now() - started;
  operations = Number(/^file operations: (\d+)$/m.exec(stderr)![1]);
  unbroken = onlyRun(at('unbroken'));
});

test(`A run killed at random moments and resumed (${kills} kills in all) ends with the bits of an unbroken run`, async t => {
  const output = at('random');
  const aims = ['last.safetensors', 'best.safetensors', 'operation', 'operation', undefined, undefined];
  const random = randomFor('end-to-end kills', seed);
  let done = 0;
  let compared = 0;
  let run: string | undefined;
  const over = new Set<string>();
  const unfinished = () => runFolders(output).find(folder => !over.has(folder));
  while (done < kills || run !== undefined) {
    const args = run === undefined ? smallTraining(set, output) : resumption(run, output, random.integer(2));
    const aim = done < kills ? aims[random.integer(aims.length)] : undefined;
    const [operation, delay] = [1 + random.integer(operations), random.uniform() * unbrokenMilliseconds];
    let finished: Finished;
    if (done === kills) finished = await gala(args, 0, options);
    else if (aim === 'operation') finished = await startKilledAt(args, `at operation ${operation}`).finished;
    else {
      const child = startGala(args, options);
      finished = await shoot(child, { delay, writing: aim }, () => run ?? unfinished());
    }
    run ??= unfinished();
    if (finished.signal === 'SIGKILL') {
      done++;
      const how =
        aim === 'operation'
          ? `at file operation ${operation} of ${operations}`
          : aim
            ? `aimed at ${aim}`
            : `after ${Math.round(delay)} ms`;
      t.diagnostic(`kill ${done}, ${how}: ${run === undefined ? 'nothing there yet' : describe(run)}`);
      if (run === undefined) continue;
      assertNothingHalf(run);
      if (!existsSync(join(run, 'run.json'))) run = undefined; // nothing had begun: a new run follows, and removes it
    } else {
      expectExit(finished, 0);
      assertSameOutcome(run!, unbroken);
      assert.deepEqual(untimedFilesIn(run!), untimedFilesIn(unbroken));
      compared++;
      over.add(run!);
      run = undefined;
    }
  }
  t.diagnostic(`${compared} finished runs compared with the unbroken one`);
  assert.ok(compared > 0);
});

// Each is reached by a process of its own, which resumes what the one before left.
const moments = [
  'writing metrics.jsonl 1', // epoch 1: half a line
  'writing gradients.jsonl 1',
  'writing events 2', // the first is the session's start; half a record
  'before metrics.csv 1',
  'writing best.safetensors 50',
  'after best.safetensors 1', // a best without a last
  'before last.safetensors 1',
  'after last.previous.safetensors 1', // epoch 2: the last one is set aside, its successor is not there
  'writing last.safetensors 50',
  'before run.json 2', // the first is the resumption; the checkpoint is a step ahead of the record
  'writing test-best.safetensors 2', // after epoch 3: results
  'before table.md 1',
  'writing predictions.csv 1',
  'before run.json 2',
];

test('A run killed in the middle of each kind of write in turn ends with the bits of an unbroken run', async t => {
  const output = at('moments');
  await expectKilled(smallTraining(set, output), 'before run.json 1');
  await t.test(
    'killed before there is a run.json: nothing to resume, and the next new run removes what is left',
    async () => {
      const none = await gala(['train', '--resume', ...smallConfig(), '--output', output], 4, options);
      assert.match(errorOf(none).message, /There is no unfinished run of fashion_mnist_lt\/gala/);
      assert.equal(runFolders(output).length, 1);
    },
  );

  await expectKilled(smallTraining(set, output), moments[0]!);
  const run = onlyRun(output);
  for (const moment of moments.slice(1)) {
    await t.test(`killed ${moment}`, async () => {
      const { stderr } = await expectKilled(['train', '--resume', run, '--data', set], moment);
      assertNothingHalf(run);
      assert.equal(recordOf(run).status, 'running');
      if (moment === moments[1]) assert.match(stderr, /metrics\.jsonl: line 1 was cut off by a crash and is dropped/);
    });
  }
  await gala(['train', '--resume', ...smallConfig(), '--data', set, '--output', output], 0, options);
  assertSameOutcome(run, unbroken);
  assert.deepEqual(untimedFilesIn(run), untimedFilesIn(unbroken));
  assert.equal(recordOf(run).resumes.length, moments.length);
  assert.deepEqual(
    metricsOf(run).map(({ epoch }) => epoch),
    [1, 2, 3],
  );
});

/** The arguments that resume a run: by its folder, or as the latest unfinished one of its config. */
function resumption(run: string, output: string, form: number): string[] {
  return form === 0
    ? ['train', '--resume', run, '--data', set]
    : ['train', '--resume', ...smallConfig(), '--data', set, '--output', output];
}

/** Kills after the delay; with `writing`, at the first sight of that checkpoint's temp file from then on. */
async function shoot(
  child: GalaProcess,
  { delay, writing }: { delay: number; writing: string | undefined },
  folderOf: () => string | undefined,
): Promise<Finished> {
  await Promise.race([sleep(delay), child.finished]);
  const folder = folderOf();
  let watcher: FSWatcher | undefined;
  if (writing !== undefined && folder !== undefined && existsSync(join(folder, 'checkpoints'))) {
    watcher = watch(join(folder, 'checkpoints'), (_, file) => {
      if (file?.startsWith(writing) && file.endsWith('.tmp')) child.kill('SIGKILL');
    });
  } else {
    child.kill('SIGKILL');
  }
  const finished = await child.finished;
  watcher?.close();
  return finished;
}

test('A report killed while it is written leaves the report of before, whole', async () => {
  const report = join(unbroken, 'report.html');
  await gala(['report', unbroken], 0, options);
  const before = readFileSync(report);
  for (const moment of ['writing report.html 1', 'before report.html 1']) {
    await expectKilled(['report', unbroken], moment);
    assert.ok(readFileSync(report).equals(before), moment);
  }
  await gala(['report', unbroken], 0, options);
  assert.ok(readFileSync(report).equals(before));
  for (const file of filesIn(unbroken).filter(name => name.startsWith('report.html'))) rmSync(join(unbroken, file));
});

async function expectKilled(args: readonly string[], moment: string): Promise<Finished> {
  const finished = await startKilledAt(args, moment).finished;
  assert.equal(finished.signal, 'SIGKILL', `the process did not reach: ${moment}\n${finished.stderr}`);
  return finished;
}

function startKilledAt(args: readonly string[], moment: string): GalaProcess {
  return startGala(args, {
    ...options,
    nodeOptions: ['--import', join(import.meta.dirname, 'killAt.js')],
    environment: { GALA_KILL_AT: moment },
  });
}

/** Every file under its final name is whole: checkpoints and logits have their sha256, run.json parses. */
function assertNothingHalf(run: string): void {
  for (const file of filesIn(run).filter(name => name.endsWith('.safetensors'))) readSafetensors(join(run, file));
  if (existsSync(join(run, 'run.json'))) assert.equal(recordOf(run).format, 2);
}

function describe(run: string): string {
  const files = filesIn(run);
  const epochs = existsSync(join(run, 'run.json')) ? `${recordOf(run).epoch} epochs in run.json` : 'no run.json';
  return `${epochs}, ${files.filter(file => file.endsWith('.tmp')).join(' ') || 'no temp file'}`;
}
