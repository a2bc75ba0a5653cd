/** Distillation: the teachers are found among the runs or asked for, and the student needs them only to begin. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
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
  const { stderr } = await gala(student(at('runs')), 0, options);
  taught = onlyRun(at('runs'), 'set/student');
  assert.match(stderr, /^Teacher: runs\/set\/teacher\/\S+-2, epoch 3\nTeacher: runs\/set\/teacher\/\S+-1, epoch 3$/m);
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

test('a result record has the teachers', async () => {
  await gala(['results', 'add', taught, '--results', at('results')], 0, options);
  const record = JSON.parse(readFileSync(at('results/set/student-seed0-subset0.json'), 'utf8'));
  const { teachers = [] } = recordOf(taught);
  assert.deepEqual(
    record.teachers.map(({ weights_sha256 }: { weights_sha256: string }) => weights_sha256),
    teachers.map(({ weights_sha256 }) => weights_sha256),
  );
});

test('an export has the student alone', async () => {
  await gala(['export', taught, '--output', at('student.safetensors')], 0, options);
  const names = Object.keys(readSafetensors(at('student.safetensors')).tensors);
  assert.ok(names.includes('fc.bias'), names.join());
  assert.ok(!names.some(name => name.includes('teacher')));
});

const missing = (name: string, ...seeds: number[]) =>
  (seeds.length === 1
    ? `There is no teacher with seed ${seeds}: no finished run of ${name} has this seed`
    : `There are no teachers with the seeds ${seeds.join(', ')}: no finished run of ${name} has one of these seeds`) +
  ' and the network and training images of this config.';

test('without a config file of the teachers, the error says what is to be trained', async () => {
  const refused = await gala(student(at('runs'), 'distill.seeds=[3]'), 4, options);
  assert.deepEqual(errorOf(refused), {
    message: missing('set/teacher', 3),
    where: 'distill.seeds; runs are searched for in runs',
    next: 'Train it to its end by gala train, with --seed 3 and the config file of set/teacher.',
  });
});

test('runs with other images or another network are no teachers', async () => {
  for (const key of ['eval.select_on=val', 'model.backbone=resnet32', 'data.normalisation={mean: [0], std: [1]}']) {
    const refused = await gala(student(at('runs'), key), 4, options);
    assert.equal(errorOf(refused).message, missing('set/teacher', 2, 1));
  }
});

test('the command in the error trains a teacher of the images and the network of the student', async () => {
  const others = ['eval.select_on=val', 'model.backbone=resnet32', 'train.epochs=1'];
  const ofConfig = (output: string) =>
    smallTraining(set, output, ['distill={teacher: fashion_mnist_lt/gala, seeds: [5]}', 'name=set/other', ...others]);
  const refused = await gala(ofConfig(at('printed')), 4, options);
  assert.equal(errorOf(refused).message, missing('fashion_mnist_lt/gala', 5));
  const { next } = errorOf(refused);
  assert.equal(
    next,
    'Train it to its end: gala train fashion_mnist_lt/gala --seed 5 model.backbone=resnet32 eval.select_on=val ' +
      '--data set --runs printed',
  );
  await gala([...argumentsOf(next), 'train.epochs=1', 'optim.warmup_epochs=1'], 0, options);
  await gala(ofConfig(at('printed')), 0, options);
});

test('a second stage asks for its teachers before the first, which may be one of them, is trained', async () => {
  const output = at('stages');
  const twoStages = smallTraining(set, output, [
    ...['name=set/two', 'seed=5', 'train.epochs=1', 'stages.representation.name=fashion_mnist_lt/gala'],
    'stages.classifier.distill={teacher: fashion_mnist_lt/gala, seeds: [7, 5, 6]}',
  ]);
  const refused = await gala(twoStages, 4, options);
  assert.equal(refused.stderr.includes('First stage'), false, refused.stderr);
  const { message, next } = errorOf(refused);
  assert.equal(message, missing('fashion_mnist_lt/gala', 7, 6));
  const otherHead = await gala([...twoStages, 'stages.classifier.model.head=cosine'], 4, options);
  assert.equal(errorOf(otherHead).message, missing('fashion_mnist_lt/gala', 7, 5, 6));
  assert.equal(next, 'Train each to its end: gala sweep fashion_mnist_lt/gala seed=7,6 --data set --runs stages');
  const short = ['train.epochs=1', 'optim.warmup_epochs=1', '--no-estimate'];
  await gala([...argumentsOf(next), ...short], 0, options);
  await gala(twoStages, 0, options);
  const { first_stage, teachers } = recordOf(onlyRun(output, 'set/two'));
  assert.deepEqual(
    teachers!.map(({ run }) => run.at(-1)),
    ['7', '5', '6'],
  );
  assert.equal(teachers![1]!.run, first_stage!.run);

  // A first stage with other keys is another run with the seed of a teacher, and teaches its own second stage.
  const { stderr } = await gala([...twoStages, 'eval.tau=0.5'], 0, options);
  assert.match(stderr, /^Teacher: stages\/fashion_mnist_lt\/gala\/\S+-5 \(.*eval\.tau=0\.5.*\), epoch 1$/m);
  const later = recordOf(runFolders(output, 'set/two').at(-1)!);
  assert.equal(later.teachers![1]!.run, later.first_stage!.run);
  assert.notEqual(later.first_stage!.run, first_stage!.run);
});

test('the command in the error goes on with a teacher that was stopped', async () => {
  const environment = { GALA_KILL_AT: 'after last.safetensors 2' };
  await startGala(teacher(4), { ...options, environment, nodeOptions: [killHook] }).finished;
  const ofFour = student(at('runs'), 'distill.seeds=[4]', 'name=set/later');
  const { next } = errorOf(await gala(ofFour, 4, options));
  assert.match(next, /^Train it to its end: gala train --resume runs\/set\/teacher\/\d+-\d+-4$/);
  await gala(argumentsOf(next), 0, options);
  await gala(ofFour, 0, options);
});

test('two possible teachers, and a teacher without its checkpoint, are errors that leave no folder', async () => {
  const [first] = runFolders(at('runs'), 'set/teacher');
  await gala(teacher(1, 'train.epochs=1'), 0, options);
  const several = await gala(student(at('runs')), 4, options);
  assert.equal(
    errorOf(several).message,
    'Two runs of set/teacher with seed 1 differ, and both could be the teacher: train.epochs: 1 → 3.',
  );
  const further = runFolders(at('runs'), 'set/teacher').at(-1)!;
  assert.ok(errorOf(several).where.includes(relative(temporary, further)));
  renameSync(further, at('elsewhere'));
  rmSync(join(first!, 'checkpoints'), { recursive: true });
  const gone = await gala(student(at('runs')), 4, options);
  assert.equal(errorOf(gone).message, 'The teacher is finished, but its last checkpoint is gone.');
  assert.equal(runFolders(at('runs'), 'set/student').length, 1);
});

/** Of the command that a remedy ends with. */
function argumentsOf(remedy: string): string[] {
  return remedy.slice(remedy.indexOf('gala ') + 'gala '.length).split(' ');
}
