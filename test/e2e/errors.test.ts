/**
 * Faults of the user or the machine, as the binary reports them: message, place, remedy, exit code, and nothing left
 * behind.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findTensorFlow } from '../../src/engine/install/locate.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, gala, galaBinary } from './gala.js';
import { runFolders } from './outcome.js';

const temporary = temporaryFolder();
const options = { cwd: temporary };

test('An unknown key in a config file is reported with file:line:col and the key that was meant: exit 2', async () => {
  const file = join(temporary, 'typo.yaml');
  writeFileSync(file, 'extends: fashion_mnist_lt/gala\n\nloss:\n  lambda_1: 1.2\n');
  const failed = await gala(['train', '--config', 'typo.yaml'], 2, options);
  assert.match(failed.stderr, /typo\.yaml:4:3\b/);
  assert.match(failed.stderr, /lambda_1.*did you mean.*lambda1/is);
  assert.deepEqual(readdirSync(temporary), ['typo.yaml']);
});

test('All faults of a config are reported together, those of --set too: exit 2', async () => {
  const file = join(temporary, 'faults.yaml');
  writeFileSync(file, 'extends: fashion_mnist_lt/gala\ntrain:\n  epochs: ten\noptim:\n  momentum: 1.5\n');
  const failed = await gala(['train', '--config', file, '--set', 'train.bach_size=3'], 2, options);
  assert.match(failed.stderr, /faults\.yaml:3:11\b/);
  assert.match(failed.stderr, /faults\.yaml:5:13\b/);
  assert.match(failed.stderr, /^ +train\.bach_size=3: .*batch_size/m);
});

for (const [words, corrected] of [
  [['lr=0.2'], 'optim.learning_rate=0.2'],
  [['--set', 'optimizer.lr=0.2', 'loss=focal'], '--set optim.learning_rate=0.2 loss.name=focal'],
  [['data.augment=random_crop'], "'data.augment=[random_crop]'"],
  [['optim.warmup_epochs=20'], 'optim.warmup_epochs=19'],
  [['optim.warmup_epochs=5', 'train.epochs=3', '--seed', '1'], 'optim.warmup_epochs=2 train.epochs=3 --seed 1'],
  [['--epochs', '30'], 'train.epochs=30'],
  [['--lr=0.2', '--seed', '1'], 'optim.learning_rate=0.2 --seed 1'],
] as const) {
  test(`The error of ${words.join(' ')} ends with ${corrected}, and the command works`, async () => {
    const { next } = errorOf(await gala(['config', 'show', 'fashion_mnist_lt/gala', ...words], 2, options));
    assert.equal(next, `gala config show fashion_mnist_lt/gala ${corrected}`);
    const command = next.replace('gala', `"$0" "$1"`);
    execFileSync('sh', ['-c', command, process.execPath, galaBinary], { cwd: temporary, stdio: 'ignore' });
  });
}

test('An unknown config name lists what there is nearest to it: exit 2', async () => {
  const failed = await gala(['train', '--config', 'fashion_mnist_lt/gal'], 2, options);
  assert.match(failed.stderr, /fashion_mnist_lt\/gala\b/);
});

test('An unknown option and a missing config are usage errors: exit 2', async () => {
  const unknown = await gala(['train', '--confg', 'fashion_mnist_lt/gala'], 2, options);
  assert.match(unknown.stderr, /--confg.*\n?.*--config/s);
  const missing = await gala(['train'], 2, options);
  assert.match(errorOf(missing).next, /gala train fashion_mnist_lt\/gala/);
});

test('A missing dataset exits with 4 and says where to get it; no run folder is left', async () => {
  const config = ['train', '--config', 'cifar100_lt/gala_if100', '--runs', 'runs'];
  const unknown = await gala(config, 4, options);
  assert.match(errorOf(unknown).message, /cifar100/);
  assert.match(errorOf(unknown).next, /--data.*GALA_DATA.*data\.root/);

  const empty = join(temporary, 'empty');
  mkdirSync(empty);
  const absent = await gala(config, 4, { ...options, environment: { GALA_DATA: empty } });
  assert.ok(errorOf(absent).where.includes(empty));
  assert.ok(errorOf(absent).next.length > 0);
  assert.deepEqual(runFolders(join(temporary, 'runs'), 'cifar100_lt/gala_if100'), []);
});

test('A batch larger than the training set exits with 2; no run folder is left', async () => {
  const flags = ['--runs', 'large', '--set', 'train.batch_size=1237'];
  const failed = await gala(['train', '--config', 'fashion_mnist_lt/gala', ...flags], 2, options);
  assert.match(errorOf(failed).message, /A batch of 1237 images is larger than the training set of 1236/);
  assert.equal(errorOf(failed).where, 'train.batch_size');
  assert.match(errorOf(failed).next, /1236/);
  assert.deepEqual(runFolders(join(temporary, 'large')), []);
});

test('An output folder that cannot be made exits with 4', async () => {
  writeFileSync(join(temporary, 'file'), '');
  const failed = await gala(['train', '--config', 'fashion_mnist_lt/gala', '--runs', 'file'], 4, options);
  assert.match(errorOf(failed).message, /Could not make a run folder/);
  assert.match(errorOf(failed).next, /--runs/);
});

const withoutEngine = {
  GALA_CACHE: join(temporary, 'no-cache'),
  PATH: join(temporary, 'no-programs'),
  GALA_TENSORFLOW: undefined,
  VIRTUAL_ENV: undefined,
};
const addon = findTensorFlow(withoutEngine);
const skip = addon && `tfjs-node-gpu brings an engine of its own: ${addon.libraryFolder}`;

test('Without an engine, training exits with 5 and names gala engine install; no run folder is left', {
  skip,
}, async () => {
  const config = ['train', '--config', 'fashion_mnist_lt/gala', '--runs', 'no-engine'];
  const failed = await gala(config, 5, { ...options, environment: withoutEngine });
  assert.match(errorOf(failed).message, /^No TensorFlow library was found\.$/);
  assert.ok(errorOf(failed).where.includes(withoutEngine.GALA_CACHE));
  assert.equal(errorOf(failed).next, 'gala engine install');
  assert.deepEqual(runFolders(join(temporary, 'no-engine')), []);

  const list = await gala(['engine', 'list'], 0, { ...options, environment: withoutEngine });
  assert.match(list.stdout, /No engine found\. Install one with: gala engine install/);
  assert.ok(!existsSync(withoutEngine.GALA_CACHE), 'looking makes no folder');
});

test('No error shows a stack trace without --debug, and each with it', async () => {
  const args = ['train', '--config', 'nothing'];
  const plain = await gala(args, 2, options);
  assert.doesNotMatch(plain.stderr, /^\s+at /m);
  const debug = await gala(['--debug', ...args], 2, options);
  assert.match(debug.stderr, /^\s+at .*\.js:\d+/m);
});
