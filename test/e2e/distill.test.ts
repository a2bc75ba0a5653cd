/** Distillation: the teachers are found among the runs or asked for, and the student needs them only to begin. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { readSafetensors } from '../../src/io/safetensors.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, gala, startGala } from './gala.js';
import { assertSameOutcome, checkpointOf, onlyRun, recordOf, runFolders } from './outcome.js';
import { smallTraining, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };
const set = writeSmallSet(at('set'));
const killHook = `--import=${new URL('./killAt.js', import.meta.url)}`;

const teacher = (seed: number, ...more: string[]) =>
  smallTraining(set, at('runs'), ['name=set/teacher', `seed=${seed}`, ...more]);
const student = (output: string, ...more: string[]) =>
  smallTraining(set, output, [
    'name=set/student',
    'distill={teacher: set/teacher, seeds: [2, 1], temperature: 4}',
    ...more,
  ]);
let taught: string;

before(async () => {
  for (const seed of [1, 2]) await gala(teacher(seed), 0, options);
  await gala(student(at('runs')), 0, options);
  taught = onlyRun(at('runs'), 'set/student');
});

test('the state has the networks of the teachers in the order of their seeds, and run.json names the runs', () => {
  const [first, second] = runFolders(at('runs'), 'set/teacher');
  const state = checkpointOf(taught, 'last').tensors;
  for (const [place, folder] of [second!, first!].entries()) {
    const { tensors } = checkpointOf(folder, 'last');
    for (const name of ['backbone.conv1.weight', 'backbone.bn1.running_var', 'classifier.bias'])
      assert.deepEqual(state[`teacher.${place}.${name}`]!.data, tensors[name]!.data, name);
  }
  const { teachers } = recordOf(taught);
  assert.deepEqual(
    teachers!.map(({ run, epoch, config_hash, training_seconds }) => [run, epoch, config_hash, training_seconds]),
    [second!, first!].map(folder => {
      const { config_hash, training_seconds } = recordOf(folder);
      return [`set/teacher/${folder.split('/').at(-1)}`, 3, config_hash, training_seconds];
    }),
  );
});

test('teachers change what is learned, and their share does', async () => {
  const output = at('shares');
  cpSync(at('runs/set/teacher'), join(output, 'set/teacher'), { recursive: true });
  await gala(student(output, 'distill.weight=0.9'), 0, options);
  await gala(smallTraining(set, output, ['name=alone']), 0, options);
  const weights = [taught, onlyRun(output, 'set/student'), onlyRun(output, 'alone')].map(
    folder => checkpointOf(folder, 'last').tensors['classifier.weight']!.data,
  );
  for (const [one, other] of [
    [0, 1],
    [0, 2],
    [1, 2],
  ] as const)
    assert.notDeepEqual(weights[one], weights[other]);
});

test('killed and resumed without the runs of the teachers, it ends with the bits of an unbroken run', async () => {
  const output = at('killed');
  cpSync(at('runs/set/teacher'), join(output, 'set/teacher'), { recursive: true });
  const environment = { GALA_KILL_AT: 'after last.safetensors 2' };
  const killed = await startGala(student(output), { ...options, environment, nodeOptions: [killHook] }).finished;
  assert.equal(killed.signal, 'SIGKILL', killed.stderr);
  rmSync(join(output, 'set/teacher'), { recursive: true });
  const [run] = runFolders(output, 'set/student');
  await gala(['train', '--resume', run!, '--data', set], 0, options);
  assertSameOutcome(run!, taught);
});

test('a result record has the teachers, and its hours are those of all three runs', async () => {
  await gala(['results', 'add', taught, '--results', at('results')], 0, options);
  const record = JSON.parse(readFileSync(at('results/set/student-seed0-subset0.json'), 'utf8'));
  const { teachers = [], training_seconds } = recordOf(taught);
  assert.deepEqual(
    record.teachers.map(({ weights_sha256 }: { weights_sha256: string }) => weights_sha256),
    teachers.map(({ weights_sha256 }) => weights_sha256),
  );
  const seconds = teachers.reduce((sum, teacher) => sum + teacher.training_seconds, training_seconds);
  assert.ok(Math.abs(record.training_hours - seconds / 3600) <= 5e-4);
});

test('an export has the student alone', async () => {
  await gala(['export', taught, '--output', at('student.safetensors')], 0, options);
  const names = Object.keys(readSafetensors(at('student.safetensors')).tensors);
  assert.ok(names.includes('fc.bias') || names.includes('classifier.bias'), names.join());
  assert.ok(!names.some(name => name.includes('teacher')));
});

test('without a fitting teacher the error gives the command that trains it', async () => {
  const [first] = runFolders(at('runs'), 'set/teacher');
  const none = await gala(student(at('runs'), 'distill.seeds=[3]'), 4, options);
  assert.deepEqual(errorOf(none), {
    message: 'There is no run of set/teacher with seed 3 to be a teacher.',
    where: 'distill.seeds; runs are searched for in runs',
    next: 'Train it to its end: gala train set/teacher --seed 3',
  });
  const other =
    'No run of set/teacher with seed 2 is finished and has the network and the training images of this config';
  for (const key of ['eval.select_on=val', 'model.backbone=resnet32', 'data.normalisation={mean: [0], std: [1]}']) {
    const refused = await gala(student(at('runs'), key), 4, options);
    assert.equal(errorOf(refused).message, `${other} to be a teacher.`);
  }
  const ofConfig = ['distill={teacher: fashion_mnist_lt/gala, seeds: [5]}', 'eval.select_on=val'];
  const named = await gala(smallTraining(set, at('runs'), ofConfig), 4, options);
  assert.equal(
    errorOf(named).next,
    'Train it to its end: gala train fashion_mnist_lt/gala --seed 5 eval.select_on=val',
  );
  await gala(teacher(1, 'train.epochs=1'), 0, options);
  const several = await gala(student(at('runs')), 4, options);
  assert.match(
    errorOf(several).message,
    /^Runs of set\/teacher with seed 1 differ, so it is not clear which is the teacher/,
  );
  assert.match(errorOf(several).where, /train\.epochs: 1 → 3/);
  const [, , further] = runFolders(at('runs'), 'set/teacher');
  renameSync(further!, at('elsewhere'));
  rmSync(join(first!, 'checkpoints'), { recursive: true });
  const gone = await gala(student(at('runs')), 4, options);
  assert.match(errorOf(gone).message, /^The teacher is finished, but its last checkpoint is gone\.$/);
  assert.equal(runFolders(at('runs'), 'set/student').length, 1, 'no folder is left behind');
});
