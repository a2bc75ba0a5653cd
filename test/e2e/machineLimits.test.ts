/**
 * Machines as people have them: settings in the environment, quotas, limits on memory, packages that were not
 * installed.
 */
import assert from 'node:assert/strict';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { requireTensorFlow } from '../../src/engine/install/locate.js';
import { folderTree, writeTree } from '../data/imageTrees.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, gala, galaSignalled } from './gala.js';
import { onlyRun, recordOf } from './outcome.js';
import { smallTraining, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary, environment: { GALA_TENSORFLOW: requireTensorFlow().libraryFolder } };
const set = writeSmallSet(at('set'));
const oneEpoch = ['train.epochs=1', 'precision=auto', 'data.workers=0'];
const training = (output: string, overrides: readonly string[] = []) =>
  smallTraining(set, at(output), [...oneEpoch, ...overrides]);
const logitsOf = (output: string) => readFileSync(join(onlyRun(at(output)), 'logits', 'test-last.safetensors'));

test('Settings of the libraries in the environment change no bit, and are told', async () => {
  await gala(training('plain'), 0, options);
  const { engine } = recordOf(onlyRun(at('plain')));
  assert.match(engine.instructions!, /^(sse|avx)/);
  const changing = { TF_ENABLE_ONEDNN_OPTS: '0', ONEDNN_MAX_CPU_ISA: 'AVX2', TF_NUM_INTRAOP_THREADS: '7' };
  const environment = { ...options.environment, ...changing };
  const { stderr } = await gala(training('set-otherwise'), 0, { ...options, environment });
  assert.match(stderr, /^Not used, .*: ONEDNN_MAX_CPU_ISA=AVX2, TF_ENABLE_ONEDNN_OPTS=0\.$/m);
  assert.deepEqual(recordOf(onlyRun(at('set-otherwise'))).engine, engine);
  assert.ok(logitsOf('set-otherwise').equals(logitsOf('plain')));
});

test(
  'What stays in the environment is told at the start, recorded, and told again where a run goes on ' + 'without it',
  async () => {
    const environment = { ...options.environment, GLIBC_TUNABLES: 'glibc.cpu.x86_ibt=off' };
    const args = training('tunables');
    const { stderr } = await galaSignalled('SIGTERM', 'epoch 1/', args, { ...options, environment });
    const setting = 'GLIBC_TUNABLES=glibc.cpu.x86_ibt=off';
    assert.match(stderr, new RegExp(`^Set in the environment, and recorded in run\\.json .*: ${setting}\\.$`, 'm'));
    const folder = onlyRun(at('tunables'));
    assert.deepEqual(recordOf(folder).engine.environment, { GLIBC_TUNABLES: 'glibc.cpu.x86_ibt=off' });
    const resuming = ['train', '--resume', folder, '--data', set];
    const { stderr: told } = await galaSignalled('SIGTERM', 'Going on at epoch', resuming, options);
    assert.match(
      told,
      new RegExp(`^This run began with environment ${setting} and goes on with none: .* can differ`, 'm'),
    );
  },
);

/** A preloaded script without which a package can be loaded. */
function without(name: string): string {
  const file = at(`without-${name}.cjs`);
  const text = `const { Module } = require('node:module');
const load = Module._load;
Module._load = function (request, ...rest) {
  if (request === '${name}') throw new Error('Could not load the "${name}" module\\nmore');
  return load.call(this, request, ...rest);
};\n`;
  writeFileSync(file, text);
  return file;
}

test(
  'Without sharp a set without image files trains; where it is needed, and without koffi, the remedy is ' + 'told',
  async () => {
    const noSharp = { ...options, nodeOptions: ['--require', without('sharp')] };
    await gala(training('no-sharp'), 0, noSharp);
    const root = await writeTree(at('pictures'), folderTree(2));
    const config = 'data: {dataset: image_folder, image_size: 32}\nmodel: {backbone: resnet20}\nloss: {name: gala}\n';
    const rest = 'optim: {learning_rate: 0.05, warmup_learning_rate: 0.05}\ntrain: {epochs: 1, batch_size: 4}\n';
    writeFileSync(at('pictures.yaml'), `${config}${rest}`);
    const needed = await gala(['train', '--config', 'pictures.yaml', '--data', root], 5, noSharp);
    assert.match(
      errorOf(needed).message,
      /^The package sharp, .* could not be loaded: Could not load the "sharp" module$/,
    );
    assert.match(errorOf(needed).next, /npm ci --include=optional --prefix /);
    const noEngine = { GALA_CACHE: '/nowhere', GALA_TENSORFLOW: '', VIRTUAL_ENV: '', PATH: '' };
    const { stdout } = await gala(['doctor'], 5, { ...noSharp, environment: noEngine });
    assert.match(stdout, /^images +The package sharp/m);
    assert.match(stdout, /^To read image files: .*npm ci --include=optional/m);
    const noKoffi = { ...options, nodeOptions: ['--require', without('koffi')] };
    const engine = await gala(training('no-koffi'), 5, noKoffi);
    assert.match(errorOf(engine).message, /^The package koffi, /);
  },
);

test('A limit on addresses that an engine does not fit into is told as one, and no installation is advised', async () => {
  for (const kilobytes of [1_200_000, 1_800_000, 3_000_000]) {
    const under = ['bash', '-c', `ulimit -v ${kilobytes}; exec "$@"`, 'bash'];
    const { message, where, next } = errorOf(await gala(training('addresses'), 5, { ...options, under }));
    assert.match(message, /^Too little memory: /);
    assert.match(where, /ulimit -v/);
    assert.match(next, /^Raise the limit/);
  }
});

/** A new control group with this value in one of its files; undefined where none can be made. */
function controlGroup(controller: 'cpu' | 'memory', limits: Readonly<Record<string, string>>): string | undefined {
  const mount = ['/sys/fs/cgroup', `/sys/fs/cgroup/${controller}`].find(folder =>
    existsSync(join(folder, controller === 'cpu' ? 'cpu.shares' : 'memory.limit_in_bytes')),
  );
  const parent = mount ?? '/sys/fs/cgroup';
  const group = join(parent, `gala-test-${process.pid}-${controller}`);
  try {
    accessSync(parent, constants.W_OK);
    mkdirSync(group);
    after(() => rmdirSync(group));
    for (const [file, value] of Object.entries(limits)) {
      if (existsSync(join(group, file))) writeFileSync(join(group, file), value);
    }
    const isSet = Object.keys(limits).some(file => existsSync(join(group, file)));
    return isSet ? group : undefined;
  } catch {
    return undefined;
  }
}

const inGroup = (group: string) => ['bash', '-c', `echo $$ > ${group}/cgroup.procs; exec "$@"`, 'bash'];
const quota = controlGroup('cpu', { 'cpu.cfs_quota_us': '50000', 'cpu.max': '50000 100000' });
const narrow = controlGroup('memory', { 'memory.limit_in_bytes': '120000000', 'memory.max': '120000000' });
const noGroup = 'no control group can be made here: that takes root and a writable /sys/fs/cgroup';

test('A quota of half a core is one core: threads, and cores in run.json', {
  skip: quota ? false : noGroup,
}, async () => {
  const under = inGroup(quota!);
  await gala(training('quota', ['threads=auto']), 0, { ...options, under });
  const { engine, host } = recordOf(onlyRun(at('quota')));
  assert.deepEqual([engine.threads, host.cores], [1, 1]);
});

test('A container with too little memory is told so before the system ends the process', {
  skip: narrow ? false : noGroup,
}, async () => {
  const { message, where } = errorOf(await gala(training('narrow'), 5, { ...options, under: inGroup(narrow!) }));
  assert.match(message, /^Too little memory: /);
  assert.match(where, /control group.*: 0\.12 GB/);
});
