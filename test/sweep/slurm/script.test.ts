import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { draftSweep } from '../../../src/sweep/manifest.js';
import { expandPoints } from '../../../src/sweep/points.js';
import { parseSlurmOptions } from '../../../src/sweep/slurm/options.js';
import { arraySpec, batchScript } from '../../../src/sweep/slurm/script.js';

const { points } = expandPoints({
  config: 'fashion_mnist_lt/gala',
  set: new Map(),
  grid: new Map(),
  list: [],
  exclude: [],
  seeds: [0, 1, 2],
});

const script = (values: Record<string, unknown>, output = '/runs', tasks = [0, 1, 2]) => {
  const options = parseSlurmOptions(values, 'slurm');
  const launcher = { name: 'slurm' as const, options };
  return batchScript(draftSweep({ name: 's', output, launcher, points }), options, tasks);
};

const directives = (text: string) => text.split('\n').filter(line => line.startsWith('#SBATCH'));

test('Every option is a directive of its own', () => {
  const given = {
    partition: 'gpu',
    time: '4:00:00',
    gpus: 'a100:1',
    cpus: 8,
    mem: '16G',
    account: 'lab',
    qos: 'high',
    constraint: 'avx512',
    parallel: 2,
    signal_seconds: 90,
    extra: ['--exclude=node3'],
  };
  assert.deepEqual(directives(script(given, '/runs', [0, 2])).slice(0, 2), [
    '#SBATCH --job-name=gala-s',
    '#SBATCH --array=0,2%2',
  ]);
  const lines = directives(script(given)).map(line => line.replace('#SBATCH ', ''));
  for (const line of [
    '--output=/runs/sweeps/s/logs/%a.log',
    '--open-mode=append',
    '--requeue',
    '--signal=B:USR1@90',
    '--partition=gpu',
    '--time=4:00:00',
    '--gres=gpu:a100:1',
    '--cpus-per-task=8',
    '--mem=16G',
    '--account=lab',
    '--qos=high',
    '--constraint=avx512',
    '--exclude=node3',
  ]) {
    assert.ok(lines.includes(line), line);
  }
});

test('What is not given is left to the cluster, but one core is asked for', () => {
  const lines = directives(script({})).join('\n');
  assert.doesNotMatch(lines, /partition|time|gres|mem|account|qos|constraint/);
  assert.match(lines, /--cpus-per-task=1$/);
});

test('Paths with blanks, quotes and percent signs stay what they are, and the script is valid shell', () => {
  const text = script({ setup: ['module load x', 'export A=1'] }, "/a b/it's 50%");
  assert.ok(text.includes(`#SBATCH --output="/a b/it's 50%%/sweeps/s/logs/%a.log"`));
  assert.match(text, /^module load x\nexport A=1$/m);
  const [, hint] = /times already: "(.*)$/m.exec(text)!;
  const said = spawnSync('bash', ['-c', `echo ${hint}`], { encoding: 'utf8' }).stdout;
  assert.equal(said, "gala sweep resume s --output '/a b/it'\\''s 50%'\n");
  const checked = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
  assert.deepEqual([checked.status, checked.stderr], [0, '']);
});

test('Indices are ranges', () => {
  assert.equal(arraySpec([5, 0, 1, 2, 7, 8]), '0-2,5,7-8');
  assert.equal(arraySpec([3]), '3');
});

test('Digits are a text where SLURM wants one', () => {
  const { mem, account, qos } = parseSlurmOptions({ mem: 16000, account: 12345, qos: 7 }, 'slurm');
  assert.deepEqual([mem, account, qos], ['16000', '12345', '7']);
});

test('A wrong option is named with its value and what it must be, an unknown one with the known ones', () => {
  const refused = (values: Record<string, unknown>, message: RegExp) =>
    assert.throws(
      () => parseSlurmOptions(values, 'slurm'),
      (error: Error) => error.name === 'ConfigError' && message.test(error.message),
    );
  refused({ cpus: 'many' }, /option cpus is "many"; it must be number/);
  refused({ mem: '16 GB' }, /option mem is "16 GB"; it must be such as 16G/);
  refused({ time: 'long' }, /option time is "long"; it must be minutes, H:MM:SS/);
  refused({ partition: 'a b' }, /one word/);
  refused({ extra: 'rm -rf x' }, /options of sbatch/);
  refused({ partitio: 'x' }, /no SLURM option "partitio"/);
});
