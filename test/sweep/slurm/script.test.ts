import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { draftSweep } from '../../../src/sweep/manifest.js';
import { expandPoints } from '../../../src/sweep/points.js';
import { limitSeconds, parseSlurmOptions, slurmWarnings } from '../../../src/sweep/slurm/options.js';
import { arrayParts, arraySpec, batchScript } from '../../../src/sweep/slurm/script.js';

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
  const [part] = arrayParts(tasks, 1001);
  return batchScript(draftSweep({ name: 's', output, launcher, points }), options, part!);
};

const refused = (values: Record<string, unknown>, message: RegExp) =>
  assert.throws(
    () => parseSlurmOptions(values, 'slurm'),
    (error: Error) => error.name === 'ConfigError' && message.test(error.message),
  );

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
  assert.equal(said, "gala sweep resume s --runs '/a b/it'\\''s 50%'\n");
  const checked = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
  assert.deepEqual([checked.status, checked.stderr], [0, '']);
});

test('Indices are ranges', () => {
  assert.equal(arraySpec([5, 0, 1, 2, 7, 8]), '0-2,5,7-8');
  assert.equal(arraySpec([3]), '3');
});

test('Values stay as they are written: a name of digits is no number', () => {
  const names = { mem: '016000', account: '0123', qos: '1e5', partition: '08', time: '010' };
  const { requeues, setup, extra, signal_seconds: _, ...parsed } = parseSlurmOptions(names, 'slurm');
  assert.deepEqual(parsed, names);
  assert.equal(
    parseSlurmOptions({ account: 12345 }, 'slurm').account,
    '12345',
    'records of an older gala have numbers',
  );
  assert.equal(parseSlurmOptions({ cpus: '08' }, 'slurm').cpus, 8, 'a count is a number');
});

test('A value that would end its directive is refused, and so are options that gala sets itself', () => {
  for (const account of ['a\nb', 'a#b', 'a b', 'a\u0000', 'a\u001b[0m', '$A', '']) refused({ account }, /one word/);
  for (const extra of ['--a\nb', '--a\rb', 'x']) refused({ extra }, /options of sbatch/);
  for (const extra of ['--array=0-9', '--array 0', '-a0', '--time=1', '-t 1', '--signal=USR1@9', '-o x', '-M other'])
    refused({ extra: ['--exclude=n1', extra] }, /without what gala sets itself/);
  assert.deepEqual(parseSlurmOptions({ extra: '--timers=1' }, 'slurm').extra, ['--timers=1']);
});

test('Time limits are read as sbatch reads them', () => {
  const seconds = { 0: 0, 2: 120, '0:30': 60, '90:00': 5400, '4:00:00': 14_400, '1-0': 86_400, '1-2:30': 95_400 };
  for (const [time, expected] of Object.entries(seconds)) assert.equal(limitSeconds(time), expected, time);
  assert.equal(limitSeconds('2-00:00:01'), 172_860);
});

test('A time limit that is not longer than the lead of the signal is refused, a narrow one warned of', () => {
  refused({ time: '2' }, /time limit 2 \(120 s\) is not longer than signal_seconds, 120/);
  refused({ time: '0:00:30', signal_seconds: '60' }, /time limit/);
  const warnings = (values: Record<string, unknown>) => slurmWarnings(parseSlurmOptions(values, 'slurm'));
  assert.match(warnings({ time: '3' }).join(), /^Warning: .*signal_seconds 120 leaves only 60 s of the time limit 3/);
  for (const values of [{}, { time: '0' }, { time: '4' }, { time: '2', signal_seconds: '30' }])
    assert.deepEqual(warnings(values), [], JSON.stringify(values));
});

test('Tasks beyond MaxArraySize go into several arrays, whose logs keep the names of the tasks', () => {
  const all = Array.from({ length: 1100 }, (_, i) => i);
  assert.deepEqual(arrayParts(all, 1101), [{ first: 0, tasks: all, digits: 3 }], 'they fit');
  const parts = arrayParts(all, 1001);
  const shape = parts.map(({ first, tasks }) => [first, tasks.length]);
  assert.deepEqual(shape, [
    [0, 1000],
    [1000, 100],
  ]);
  assert.deepEqual(
    arrayParts([3, 2999, 2001], 1001).map(({ first, tasks }) => [first, tasks]),
    [
      [0, [3]],
      [2000, [2999, 2001]],
    ],
  );
  const options = parseSlurmOptions({ parallel: '2' }, 'slurm');
  const sweep = draftSweep({ name: 's', output: '/runs', launcher: { name: 'slurm', options }, points });
  const text = batchScript(sweep, options, { first: 2000, tasks: [2001, 2999], digits: 3 });
  assert.match(text, /^#SBATCH --array=1,999%2$/m);
  assert.match(text, /^#SBATCH --output=\/runs\/sweeps\/s\/logs\/2%3a\.log$/m, 'SLURM fills the index: 2001.log');
  assert.match(text, /^index=\$\(\(SLURM_ARRAY_TASK_ID \+ 2000\)\)$/m);
  assert.throws(() => arrayParts([0, 1, 9], 9), /MaxArraySize is 9/);
});

test('A path that a directive cannot hold is refused', () => {
  for (const path of ['/n\ntouch PWNED #', '/a\rb', '/a\u0007', '/a\\b'])
    assert.throws(() => script({}, path), /cannot hold this path/, JSON.stringify(path));
});

test('Any other path stays in its directive, and the shell gives the command its words back', () => {
  const sign = fc.constantFrom(...'\'"`$#%!*?&;|<>(){}[]~ =é漢-x');
  const path = fc.string({ unit: sign, minLength: 1, maxLength: 20 }).map(text => `/${text.replaceAll('/', '')}`);
  const property = fc.property(path, output => {
    const lines = script({}, output).split('\n');
    const end = lines.findIndex(line => !line.startsWith('#'));
    assert.equal(lines.filter(line => line.startsWith('#SBATCH')).length, end - 1, 'no line ends a directive early');
    const command = lines.find(line => line.endsWith(' &'))!.slice(0, -1);
    const { stdout } = spawnSync('bash', ['-c', `index=2; printf '%s\\0' ${command}`], { encoding: 'utf8' });
    const words = stdout.split('\0').slice(2, -1);
    const config = `${output}/sweeps/s/configs/2.yaml`;
    assert.deepEqual(words, ['train', '--config', config, '--runs', output, '--continue']);
  });
  fc.assert(property, { numRuns: 100, seed: 1 });
});

test('A wrong option is named with its value and what it must be, an unknown one with the known ones', () => {
  refused({ cpus: 'many' }, /option cpus is "many"; it must be a whole number, 1 or more\./);
  refused({ cpus: '0' }, /a whole number, 1 or more/);
  refused({ signal_seconds: '70000' }, /a whole number, 1 to 65535/);
  refused({ mem: '16 GB' }, /option mem is "16 GB"; it must be such as 16G/);
  refused({ time: 'long' }, /option time is "long"; it must be minutes, H:MM:SS/);
  refused({ partition: 'a b' }, /one word/);
  refused({ extra: 'rm -rf x' }, /options of sbatch/);
  refused({ partitio: 'x' }, /no SLURM option "partitio"/);
});

test('null takes an option away', () => {
  const given = { account: null, qos: 'long', signal_seconds: null };
  assert.deepEqual(parseSlurmOptions(given, 'slurm'), parseSlurmOptions({ qos: 'long' }, 'slurm'));
});
