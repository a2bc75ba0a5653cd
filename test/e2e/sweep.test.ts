/** `gala sweep` on this machine: plan, pool, failure, Ctrl-C, resume, table, report, disk. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, expectExit, gala, startGala } from './gala.js';
import { recordOf, runFolders } from './outcome.js';
import { smallConfig, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const options = { cwd: temporary };
const set = writeSmallSet(join(temporary, 'set'));
const runs = () => runFolders(join(temporary, 'runs'));
const small = (name: string, ...overrides: string[]) => [
  'sweep',
  ...smallConfig(['train.epochs=2', ...overrides]),
  '--name',
  name,
  '--no-estimate',
];

interface Status {
  readonly tasks: readonly {
    state: string;
    epoch: number;
    reason?: string;
    directory?: string;
    label: string;
    top1?: number;
  }[];
}

async function statusOf(name: string): Promise<Status['tasks']> {
  const { stdout } = await gala(['sweep', 'status', name, '--json'], 0, options);
  return (JSON.parse(stdout) as Status).tasks;
}

test('A dry run prints runs, time and disk and writes nothing', async () => {
  const estimated = small('lambda', 'loss.lambda1=0.5,1').filter(flag => flag !== '--no-estimate');
  const { stdout } = await gala([...estimated, '--seeds', '0,1', '--data', set, '--dry-run'], 0, options);
  assert.match(stdout, /^ +3 +fashion_mnist_lt\/gala +loss\.lambda1=1 +1 +train +0\/2 +\d+\.\d$/m);
  assert.match(stdout, /^4 runs: 4 to train\.$/m);
  assert.match(
    stdout,
    /^Time: about \d+:\d\d.*\sat\sthe speed of one run alone, measured just now on this machine\.$/ms,
  );
  assert.match(stdout, /^Disk: about [\d.]+ MB: [\d.]+ MB of results, [\d.]+ MB of checkpoints/m);
  assert.ok(!existsSync(join(temporary, 'runs')));
});

test(
  'A run that fails does not stop the others, is told with its reason and ends with 1; resume runs it ' + 'alone',
  async t => {
    const away = join(temporary, 'away');
    mkdirSync(away);
    const file = small('half', 'eval.tau=0.5');
    writeFileSync(
      join(temporary, 'half.yaml'),
      [
        'config: fashion_mnist_lt/gala',
        'list:',
        `  - { loss.lambda1: 0.5, data.root: ${away}/set }`,
        `  - { loss.lambda1: 1, data.root: ${set} }`,
        '',
      ].join('\n'),
    );
    const { stdout, stderr } = await gala([...file, '--file', 'half.yaml', '--slots', '2'], 1, options);
    assert.match(
      stderr,
      /^failed: fashion_mnist_lt\/gala loss\.lambda1=0\.5.*, seed 0: .*\(runs\/sweeps\/half\/logs\/0\.log\)$/m,
    );
    assert.match(stderr, /^finished: fashion_mnist_lt\/gala loss.lambda1=1.*: top-1 \d/m);
    assert.match(stdout, /^fashion_mnist_lt\/gala .* \d+\.\d\d /m);
    const table = await gala(['table', 'half'], 0, options);
    assert.match(table.stderr, /^Sweep half, 2 runs: 1 failed, 1 finished\. Taken are the finished ones\.$/m);
    const before = await statusOf('half');
    assert.deepEqual(
      before.map(({ state }) => state),
      ['failed', 'finished'],
    );
    assert.equal(readFileSync(join(temporary, 'runs/sweeps/half/exits/0'), 'utf8'), '4\n');

    await t.test('once its data are there', async () => {
      renameSync(set, join(away, 'set'));
      const { stderr } = await gala(['sweep', 'resume', 'half', '--quiet'], 0, options);
      renameSync(join(away, 'set'), set);
      assert.match(stderr, /^1 finished: left alone\.$/m);
      const after = await statusOf('half');
      assert.deepEqual(
        after.map(({ state }) => state),
        ['finished', 'finished'],
      );
      assert.equal(runs().length, 2);
      for (const { directory, top1 } of after) assert.equal(top1, recordOf(directory!).results[0]!.top1);
      const { log } = recordOf(after[0]!.directory!);
      assert.equal(log, join(temporary, 'runs/sweeps/half/logs/0.log'));
    });

    await t.test('what is finished is not run again by another sweep, and a name is taken once', async () => {
      const again = await gala([...file, '--file', 'half.yaml', '--name', 'again'], 0, options);
      assert.match(again.stdout, /^2 runs: 2 finished\.$/m);
      assert.equal(runs().length, 2);
      const taken = await gala([...file, '--file', 'half.yaml'], 2, options);
      assert.match(errorOf(taken).message, /There is a sweep half already/);
    });

    await t.test('a report and the cleaning take its name; results stay', async () => {
      await gala(['report', 'half'], 0, options);
      assert.ok(existsSync(join(temporary, 'runs/sweeps/half/report.html')));
      const dry = await gala(['runs', 'clean', '--dry-run'], 0, options);
      assert.match(dry.stdout, /^Would remove the checkpoints of 2 finished runs: \d+\.\d MB\.$/m);
      const { stdout } = await gala(['runs', 'clean', 'half'], 0, options);
      assert.match(stdout, /^Removed the checkpoints of 2 finished runs: \d+\.\d MB\.$/m);
      for (const run of runs()) {
        assert.deepEqual(readdirSync(join(run, 'checkpoints')), []);
        assert.ok(existsSync(join(run, 'table.csv')) && existsSync(join(run, 'logits/test-last.safetensors')));
      }
      await gala(['report', 'half'], 0, options);
      const { stdout: table } = await gala(['table', 'half', '--format', 'csv'], 0, options);
      assert.equal(table.trimEnd().split('\n').length, 3);
    });
  },
);

test('Ctrl-C saves every run and starts no other; cancel tells the pool the same; resume ends them all', async t => {
  const stopped = startGala(
    [...small('stop', 'loss.lambda1=0.6,0.7,0.8', 'train.epochs=6'), '--data', set, '--slots', '2'],
    options,
  );
  const begun = async () => {
    while ((await statusOf('stop')).filter(({ epoch }) => epoch > 0).length < 2);
  };
  await stopped.printed(/^Sweep stop/m);
  await begun();
  stopped.kill('SIGINT');
  const { stderr } = expectExit(await stopped.finished, 130);
  assert.match(stderr, /^SIGINT: 2 runs finishing the step and saving; once more to stop at once\.$/m);
  assert.match(stderr, /^Stopped and saved\. Go on with: gala sweep resume stop$/m);
  const saved = await statusOf('stop');
  assert.deepEqual(
    saved.map(({ state }) => state),
    ['stopped', 'stopped', 'not started'],
  );
  for (const { directory } of saved.slice(0, 2)) assert.equal(recordOf(directory!).status, 'interrupted');

  await t.test('a second process is refused while the first works, and cancel stops that one', async () => {
    const resumed = startGala(['sweep', 'resume', 'stop', '--slots', '3'], options);
    await resumed.printed(/running 1/);
    const second = await gala(['sweep', 'resume', 'stop'], 2, options);
    assert.equal(errorOf(second).message, `Process ${resumed.pid} runs this sweep already.`);
    await gala(['sweep', 'cancel', 'stop'], 0, options);
    expectExit(await resumed.finished, 143);
  });

  await t.test('to the end', async () => {
    const { stdout } = await gala(['sweep', 'resume', 'stop', '--quiet'], 0, options);
    assert.match(stdout, /\(loss\.lambda1=0\.8\)/);
    assert.deepEqual(
      (await statusOf('stop')).map(({ state }) => state),
      ['finished', 'finished', 'finished'],
    );
    const { stderr } = await gala(['sweep', 'resume', 'stop'], 0, options);
    assert.match(stderr, /Nothing to resume/);
  });
});

test('What a sweep in another folder says to do next can be given as it is said', async () => {
  const output = 'all my/runs';
  const file = small('elsewhere', 'loss.lambda1=0.5', 'train.epochs=6');
  const stopped = startGala([...file, '--data', set, '--runs', output], options);
  await stopped.printed(/^ *\d+% .*running 1/m);
  stopped.kill('SIGINT');
  const { stderr } = expectExit(await stopped.finished, 130);
  const resume = given(/Go on with: (gala .*)$/m, stderr);
  assert.deepEqual(resume, ['sweep', 'resume', 'elsewhere', '--runs', output]);
  const unfinished = errorOf(await gala(['table', 'elsewhere', '--runs', output], 2, options));
  const status = await gala(given(/See how far it is: (gala .*)$/, unfinished.next), 0, options);
  assert.match(status.stdout, /^Sweep elsewhere, 1 runs: 1 \w/m);
  const resumed = startGala(resume, options);
  await resumed.printed(/running 1/);
  const refused = errorOf(await gala(resume, 2, options));
  await gala(given(/stop it: (gala .*)$/, refused.next), 0, options);
  expectExit(await resumed.finished, 143);
  const taken = errorOf(await gala([...file, '--runs', output], 2, options));
  assert.deepEqual(given(/Go on with it: (gala .*);/, taken.next), resume);
});

/** The arguments of the command that a message gives, as a shell takes them. */
function given(pattern: RegExp, message: string): string[] {
  const [, command] = pattern.exec(message)!;
  const shown = spawnSync('bash', ['-c', `gala() { printf '%s\\n' "$@"; }; ${command}`], { encoding: 'utf8' });
  return shown.stdout.trimEnd().split('\n');
}

test('Flags without effect, unknown sweeps and no config are usage errors', async () => {
  const slurm = await gala(['sweep', '--config', 'fashion_mnist_lt/gala', '--slurm', 'time=5'], 2, options);
  assert.match(errorOf(slurm).message, /--slurm has no effect with the launcher local/);
  const unknown = await gala(['sweep', 'status', 'haf'], 2, options);
  assert.match(errorOf(unknown).message, /There is no sweep "haf"\. Did you mean half\?/);
  assert.match(errorOf(await gala(['sweep', '--seeds', '1'], 2, options)).message, /No config is given/);
  await gala(['sweep', 'foo'], 2, options);
  const gpus = ['sweep', 'fashion_mnist_lt/gala', '--launcher', 'slurm', '--gpus', '0'];
  assert.match(errorOf(await gala(gpus, 2, options)).message, /^--gpus has no effect with the launcher slurm/);
});
