/**
 * `gala sweep --launcher slurm` on a real SLURM: an array of six, one of which meets its time limit and one of which
 * fails; cancel.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, gala } from './gala.js';
import { assertSameOutcome, onlyRun, recordOf } from './outcome.js';
import { whyNoSlurm } from './slurm.js';
import { smallConfig, smallTraining, writeSmallSet } from './smallSet.js';

const skip = whyNoSlurm();
const temporary = temporaryFolder();
const options = { cwd: temporary };

interface TaskStatus {
  readonly state: string;
  readonly epoch: number;
  readonly reason?: string;
  readonly directory?: string;
  readonly job?: string;
}

async function statusOf(name: string): Promise<TaskStatus[]> {
  const { stdout } = await gala(['sweep', 'status', name, '--json'], 0, options);
  return (JSON.parse(stdout) as { tasks: TaskStatus[] }).tasks;
}

/** Polls until `isDone`; the limits of the jobs themselves end what would never end. */
async function waitFor(name: string, isDone: (tasks: readonly TaskStatus[]) => boolean): Promise<TaskStatus[]> {
  for (;;) {
    const tasks = await statusOf(name);
    if (isDone(tasks)) return tasks;
    await setTimeout(500);
  }
}

const isOver = ({ state }: TaskStatus) => state !== 'running' && state !== 'waiting';

/**
 * Lines of the batch script that hold the first start of task 0, once it trains, until SLURM's warning of the time
 * limit has come: so the run is in the middle when it is warned, however fast the machine is.
 */
const holdFirstTask = [
  'if [ "$SLURM_ARRAY_TASK_ID" = 0 ] && [ -z "$SLURM_RESTART_COUNT" ]; then',
  '  shell=$$',
  '  hold() {',
  '    local pid',
  '    until pid=$(pgrep -P "$shell" -x node) && grep -q "epoch 1/" "$SLURM_ARRAY_TASK_LOG"; do kill -0 ' +
    '"$shell" || return; sleep 0.05; done',
  '    kill -STOP "$pid"',
  '    until [ $((0x$(sed -n "s/^ShdPnd:[[:space:]]*//p" /proc/$pid/status) & 0x200)) != 0 ]; do kill ' +
    '-0 "$shell" || return; sleep 0.1; done',
  '    kill -CONT "$pid"',
  '  }',
  '  hold &',
  'fi',
];

test('six runs as a job array', { skip }, async t => {
  const set = writeSmallSet(join(temporary, 'set'));
  const away = join(temporary, 'away');
  mkdirSync(away);
  writeFileSync(
    join(temporary, 'six.yaml'),
    [
      'config: fashion_mnist_lt/gala',
      `grid: { loss.lambda1: [0.5, 1], seed: [0, 1], data.root: [${set}] }`,
      'list:',
      `  - { loss.lambda1: 2, data.root: ${set} }`,
      `  - { loss.lambda1: 3, data.root: ${away}/set }`,
      'launcher: slurm',
      'slurm:',
      '  time: 1',
      '  signal_seconds: 50',
      '  setup:',
      `    - SLURM_ARRAY_TASK_LOG=${temporary}/runs/sweeps/six/logs/$SLURM_ARRAY_TASK_ID.log`,
      ...holdFirstTask.map(line => `    - ${JSON.stringify(line)}`),
      '',
    ].join('\n'),
  );
  const six = ['sweep', '--file', 'six.yaml', ...smallConfig(['data.workers=0']).slice(2)];

  await t.test('the script of --dry-run is what is submitted, byte for byte', async () => {
    const exported = await gala([...six, '--dry-run'], 0, options);
    assert.ok(!existsSync(join(temporary, 'runs')));
    assert.match(exported.stderr, /^6 runs: 6 to train\.$/m);
    const { stderr } = await gala(six, 0, options);
    assert.match(stderr, /^Submitted: job array \d+ of 6 tasks\. See gala sweep status six$/m);
    assert.equal(readFileSync(join(temporary, 'runs/sweeps/six/submit-0.sh'), 'utf8'), exported.stdout);
  });

  let unbroken = '';
  await t.test('meanwhile the same run as task 0, unbroken', async () => {
    const lambda = ['loss.lambda1=0.5', 'data.workers=0'];
    await gala(smallTraining(set, join(temporary, 'unbroken'), lambda), 0, options);
    unbroken = onlyRun(join(temporary, 'unbroken'));
  });

  await t.test(
    'five end, one of them queued again at its time limit with the bits of the unbroken run; one fails',
    async () => {
      const tasks = await waitFor('six', all => all.every(isOver));
      assert.deepEqual(
        tasks.map(({ state }) => state),
        ['finished', 'finished', 'finished', 'finished', 'finished', 'failed'],
      );
      const preempted = tasks[0]!.directory!;
      assert.ok(recordOf(preempted).resumes.length >= 1, 'task 0 was resumed');
      const log = readFileSync(join(temporary, 'runs/sweeps/six/logs/0.log'), 'utf8');
      assert.match(log, /^SIGUSR1: finishing the step and saving\.$/m);
      assert.match(log, /^Preempted and saved; task 0 is queued again\.$/m);
      assert.match(log, /^Going on at epoch \d, step \d+\.$/m);
      assertSameOutcome(preempted, unbroken);
      assert.match(tasks[5]!.reason!, /idx|train-images|folder|file/i);
    },
  );

  await t.test('the table has mean ± standard deviation, and what SLURM forgets is known from the runs', async () => {
    const { stdout } = await gala(['sweep', 'status', 'six'], 0, options);
    assert.match(stdout, /^fashion_mnist_lt\/gala(?: \(loss\.lambda1=0\.5\) +| +)\d+\.\d\d ± \d+\.\d\d /m);
    assert.match(stdout, /\(loss\.lambda1=0\.5\)/);
    assert.match(stdout, /^Sweep six, 6 runs: 5 finished, 1 failed\.$/m);
  });

  await t.test('resume submits the failed task alone', async () => {
    renameSync(set, join(away, 'set'));
    const { stderr } = await gala(['sweep', 'resume', 'six', '--slurm', 'setup=[]', 'time=5'], 0, options);
    assert.match(stderr, /^Submitted: job array \d+ of 1 tasks\./m);
    assert.match(readFileSync(join(temporary, 'runs/sweeps/six/submit-1.sh'), 'utf8'), /^#SBATCH --array=5$/m);
    const tasks = await waitFor('six', all => all.every(isOver));
    assert.deepEqual(
      tasks.map(({ state }) => state),
      Array(6).fill('finished'),
    );
    renameSync(join(away, 'set'), set);
  });
});

test('cancel saves what runs and drops what waits', { skip }, async () => {
  const set = writeSmallSet(join(temporary, 'other'));
  const long = smallConfig(['train.epochs=10000', 'loss.lambda1=0.5,1']);
  const flags = ['--name', 'long', '--launcher', 'slurm', '--slurm', 'time=5', 'parallel=1'];
  await gala(['sweep', ...long, '--data', set, ...flags], 0, options);
  const [running, waiting] = await waitFor('long', ([first]) => first!.epoch > 0);
  assert.deepEqual([running!.state, waiting!.state], ['running', 'waiting']);
  const { stderr } = await gala(['sweep', 'cancel', 'long'], 0, options);
  assert.match(stderr, /^Cancelled 2 tasks; running ones save first\.$/m);
  const tasks = await waitFor('long', all => all.every(isOver));
  assert.deepEqual(
    tasks.map(({ state }) => state),
    ['stopped', 'not started'],
  );
  assert.equal(recordOf(tasks[0]!.directory!).status, 'interrupted');
  const again = await gala(['sweep', 'cancel', 'long'], 0, options);
  assert.match(again.stderr, /^Nothing waits or runs\.$/m);
});

test('What SLURM refuses is told in its words, and the name stays free', { skip }, async () => {
  const refused = await gala(
    [
      'sweep',
      '--config',
      'fashion_mnist_lt/gala',
      '--name',
      'no',
      '--launcher',
      'slurm',
      '--slurm',
      'partition=nowhere',
    ],
    2,
    options,
  );
  assert.match(errorOf(refused).message, /invalid partition specified: nowhere/);
  assert.ok(!existsSync(join(temporary, 'runs/sweeps/no')));
});

test('Where there is no SLURM the error says so', async () => {
  const refused = await gala(['sweep', '--config', 'fashion_mnist_lt/gala', '--launcher', 'slurm'], 2, {
    ...options,
    environment: { PATH: temporary },
  });
  assert.match(errorOf(refused).message, /There is no SLURM here: the program sbatch is missing/);
});
