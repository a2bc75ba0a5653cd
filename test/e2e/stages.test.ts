/** Two stages, each a run: trained, shared, killed in either, resumed to the same bits, evaluated, tabled. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, expectExit, gala, galaSignalled, startGala } from './gala.js';
import { assertSameOutcome, checkpointOf, csvOf, metricsOf, onlyRun, recordOf, runFolders } from './outcome.js';
import { smallTraining, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };
const set = writeSmallSet(at('set'));
const killHook = `--import=${new URL('./killAt.js', import.meta.url)}`;

const stages = [
  'loss={name: cross_entropy}',
  'train.mixup_alpha=0.4',
  'stages.representation.name=first',
  'stages.classifier.freeze.backbone=true',
  'stages.classifier.data.sampler=class_aware',
  'stages.classifier.loss={name: gala}',
  'stages.classifier.optim.warmup_epochs=0',
  'stages.classifier.train={epochs: 2, mixup_alpha: 0}',
];
const twoStages = (output: string, ...more: string[]) => smallTraining(set, output, [...stages, ...more]);
let first: string;
let second: string;

before(async () => {
  await gala(twoStages(at('runs')), 0, options);
  first = onlyRun(at('runs'), 'first');
  second = onlyRun(at('runs'));
});

test('the second run begins with the backbone of the first’s last epoch, keeps it, and trains a new classifier', () => {
  const [before, after] = [checkpointOf(first, 'last').tensors, checkpointOf(second, 'last').tensors];
  const isBackbone = (name: string) => name.startsWith('backbone.') && !name.includes('running_');
  const bytes = (tensors: typeof before, name: string) => Buffer.from(tensors[name]!.data.buffer);
  for (const name of Object.keys(before).filter(isBackbone))
    assert.ok(bytes(after, name).equals(bytes(before, name)), name);
  for (const name of ['backbone.bn1.running_mean', 'classifier.weight'])
    assert.ok(!bytes(after, name).equals(bytes(before, name)), name);
  assert.deepEqual(
    Object.keys(after).filter(name => name.startsWith('momentum.')),
    ['momentum.classifier.bias', 'momentum.classifier.weight'],
  );
});

test('records: the first run is that of its config alone, the second names it, and each has its own metrics', () => {
  const [one, two] = [recordOf(first), recordOf(second)];
  assert.equal(one.config.stages, undefined);
  assert.equal(two.first_stage!.run, `first/${first.split('/').at(-1)}`);
  assert.deepEqual(
    [two.first_stage!.config_hash, two.first_stage!.epoch, two.first_stage!.training_seconds],
    [one.config_hash, 3, one.training_seconds],
  );
  assert.match(two.first_stage!.weights_sha256, /^[0-9a-f]{64}$/);
  const { name: _, ...host } = one.host;
  const { engine, versions, git } = one;
  assert.deepEqual(two.first_stage!.processes, [{ engine, versions, host, ...(git && { git }) }]);
  assert.deepEqual(
    metricsOf(first).map(({ epoch }) => epoch),
    [1, 2, 3],
  );
  assert.deepEqual(
    metricsOf(second).map(({ epoch }) => epoch),
    [1, 2],
  );
  assert.equal(two.config.loss.name, 'gala');
  assert.equal(two.config.stages!.representation.loss.name, 'cross_entropy');
});

test('another second stage takes the same first run, and so does the first stage’s own config', async () => {
  const { stderr } = await gala(twoStages(at('runs'), 'stages.classifier.loss.lambda1=0.5'), 0, options);
  assert.match(stderr, /^First stage, first: finished, /m);
  assert.equal(runFolders(at('runs'), 'first').length, 1);
  const [, other] = runFolders(at('runs'));
  assert.equal(recordOf(other!).first_stage!.weights_sha256, recordOf(second).first_stage!.weights_sha256);
  const alone = ['loss={name: cross_entropy}', 'train.mixup_alpha=0.4', 'name=first'];
  const shown = await gala([...smallTraining(set, at('runs'), alone), '--continue', '--json'], 0, options);
  assert.equal(JSON.parse(shown.stdout).folder, first);
  rmSync(other!, { recursive: true });
  const images = writeSmallSet(at('other'), 2);
  const refused = await gala([...twoStages(at('runs')), '--data', images], 4, options);
  assert.match(errorOf(refused).message, /^The training images are not those of the first stage\.$/);
  assert.ok(errorOf(refused).where.includes(images));
  assert.equal(runFolders(at('runs')).length, 1);
});

for (const [when, moment] of [
  ['in the first stage', 'after last.safetensors 2'],
  ['between the stages, with the first checkpoint of the second on disk', 'before config.yaml 2'],
  ['in the second stage', 'before run.json 7'],
] as const) {
  test(`killed ${when}, the same command with --continue ends with the bits of an unbroken run`, async () => {
    const output = at(moment.replaceAll(/\W/g, '-'));
    const environment = { GALA_KILL_AT: moment };
    const killed = await startGala(twoStages(output), { ...options, environment, nodeOptions: [killHook] }).finished;
    assert.equal(killed.signal, 'SIGKILL', killed.stderr);
    await gala([...twoStages(output), '--continue'], 0, options);
    assertSameOutcome(onlyRun(output, 'first'), first);
    const finished = runFolders(output).filter(folder => existsSync(join(folder, 'run.json')));
    assert.equal(finished.length, 1);
    assertSameOutcome(finished[0]!, second);
  });
}

test('SIGTERM in the first stage saves and says how to go on; two at once train one first stage', async () => {
  const output = at('pair');
  const stopped = await galaSignalled('SIGTERM', '"type":"start"', [...twoStages(output), '--json'], options);
  assert.match(stopped.stderr, /^Stopped and saved\. Go on with: the same command$/m);
  const [one, two] = [
    startGala(twoStages(output), options),
    startGala(twoStages(output, 'seed=0', 'stages.classifier.train.epochs=1'), options),
  ];
  const ends = await Promise.all([one.finished, two.finished]);
  for (const end of ends) expectExit(end, 0);
  assert.equal(ends.filter(({ stderr }) => /another process trains it; waiting/.test(stderr)).length, 1);
  assertSameOutcome(onlyRun(output, 'first'), first);
  assert.equal(runFolders(output).length, 2);
});

test('runs clean keeps the checkpoints of a first stage, unless its folder is named', async () => {
  const output = at('cleaned');
  cpSync(at('runs'), output, { recursive: true });
  const run = onlyRun(output, 'first');
  const { stdout, stderr } = await gala(['runs', 'clean', '--runs', output], 0, options);
  assert.match(stdout, /^Removed the checkpoints of 1 finished run: /m);
  const [, command] = /left alone\. Another run began with it.*: gala (.*)$/m.exec(stderr)!;
  await gala(twoStages(output, 'stages.classifier.loss.lambda1=0.5'), 0, options);
  await gala(command!.split(' '), 0, options);
  assert.deepEqual(readdirSync(join(run, 'checkpoints')), []);
});

test('a resumed second stage does not need the first run; a new one does', async () => {
  const output = at('gone');
  const environment = { GALA_KILL_AT: 'before run.json 7' };
  await startGala(twoStages(output), { ...options, environment, nodeOptions: [killHook] }).finished;
  rmSync(join(onlyRun(output, 'first'), 'checkpoints'), { recursive: true });
  const [run] = runFolders(output);
  await gala(['train', '--resume', run!, '--data', set], 0, options);
  assertSameOutcome(run!, second);
  const refused = await gala(twoStages(output, 'stages.classifier.loss.lambda1=0.5'), 4, options);
  assert.match(errorOf(refused).message, /The first stage is finished, but its last checkpoint is gone\./);
  assert.match(errorOf(refused).next, /gala runs clean/);
});

test('eval, table and the resolved config work on the second run as on any', async () => {
  const { stdout } = await gala(
    ['eval', '--run', second, '--data', set, '--tau', '0.5', '--format', 'csv'],
    0,
    options,
  );
  assert.match(stdout, /re-balanced/);
  const table = await gala(['table', second, '--format', 'csv'], 0, options);
  assert.match(table.stdout, /fashion_mnist_lt\/gala/);
  const again = at('again');
  await gala(['train', '--config', join(second, 'config.yaml'), '--data', set, '--output', again], 0, options);
  assertSameOutcome(onlyRun(again), second);
});

test('τ-normalisation trains nothing: at τ = 0 it is the first stage’s classifier without its bias', async () => {
  const tauNormalized = (tau: number) =>
    smallTraining(set, at('runs'), [
      ...stages.slice(0, 3),
      'name=tau',
      `stages.classifier={model: {head: tau_normalized, tau: ${tau}}, train: {epochs: 0}, eval: {select_on: last}}`,
    ]);
  await gala(tauNormalized(0), 0, options);
  const run = onlyRun(at('runs'), 'tau');
  const taken = checkpointOf(run, 'last').tensors['classifier.weight']!;
  assert.deepEqual(taken, checkpointOf(first, 'last').tensors['classifier.weight']);
  const [plain] = csvOf(run, 'table.csv');
  assert.equal(plain!.epoch, '0');
  await gala(tauNormalized(1), 0, options);
  const results = runFolders(at('runs'), 'tau').map(folder => readFileSync(join(folder, 'predictions.csv'), 'utf8'));
  assert.notEqual(results[0], results[1]);
});

test('a second stage on features that are computed once is killed and resumed to the same bits', async () => {
  const fixed = twoStages(
    at('runs'),
    'name=fixed',
    'stages.classifier.freeze.batch_stats=true',
    'stages.classifier.data.augment=[]',
  );
  const environment = { GALA_KILL_AT: 'after last.safetensors 2' };
  const killed = await startGala(fixed, { ...options, environment, nodeOptions: [killHook] }).finished;
  assert.equal(killed.signal, 'SIGKILL', killed.stderr);
  const run = onlyRun(at('runs'), 'fixed');
  const { stderr } = await gala(['train', '--resume', run, '--data', set], 0, options);
  assert.match(stderr, /features are computed once/);
  await gala(fixed, 0, options);
  assertSameOutcome(run, runFolders(at('runs'), 'fixed')[1]!);
  rmSync(join(run, 'logits/test-best.safetensors'));
  const onImages = await gala(['eval', '--run', run, '--data', set, '--format', 'json'], 0, options);
  assert.equal(JSON.parse(onImages.stdout)[0].top1, Number(recordOf(run).results[0]!.top1.toFixed(2)));
});

test('the plan of a sweep names the first stage that its runs wait for, once', async () => {
  const plan = (output: string) =>
    gala(
      [
        'sweep',
        ...twoStages(at(output)).slice(1),
        '--set',
        'stages.classifier.loss.lambda1=0.5,1',
        '--dry-run',
        '--no-estimate',
      ],
      0,
      options,
    );
  const waiting = await plan('none');
  assert.match(waiting.stdout, /^First stage first: trained before its 2 runs, once;/m);
  assert.doesNotMatch((await plan('runs')).stdout, /^First stage/m);
});
