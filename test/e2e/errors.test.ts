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

test('A misspelt config file is answered with the file of nearly its name', async () => {
  writeFileSync(join(temporary, 'small.yaml'), 'extends: fashion_mnist_lt/gala\n');
  for (const given of ['smal.yaml', './smal'])
    assert.match(errorOf(await gala(['config', 'show', given], 2, options)).message, /did you mean small\.yaml\?$/);
});

test('gala init names what is given: nothing, a folder beside the classes, a config that is there', async () => {
  const at = (...path: string[]) => join(temporary, 'pictures', ...path);
  for (const folder of ['cat', 'dog', 'runs']) mkdirSync(at(folder), { recursive: true });
  for (const folder of ['cat', 'dog']) writeFileSync(at(folder, 'a.jpg'), '');
  assert.match(errorOf(await gala(['init', 'DIR'], 4, options)).next, /^Give the folder of your images/);
  assert.equal(errorOf(await gala(['init', 'picture'], 4, options)).next, 'gala init pictures');
  assert.match(
    errorOf(await gala(['init', 'pictures'], 4, options)).message,
    /, also runs, in which there are no images\.$/,
  );
  for (const name of ['cat.yaml', 'cat.v2.yaml']) writeFileSync(join(temporary, name), '');
  mkdirSync(at('cat.v2'));
  const dotted = errorOf(await gala(['init', 'pictures/cat.v2'], 2, options));
  assert.equal(dotted.where, join(temporary, 'cat.v2.yaml'));
  const taken = errorOf(await gala(['init', 'pictures/cat'], 2, options));
  assert.equal(taken.next, 'gala init pictures/cat --output cat-2.yaml');
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

test('A data folder that does not exist, or is a file, is called that, and the remedy names it', async () => {
  writeFileSync(join(temporary, 'archive.bin'), '');
  const nowhere = await gala(['train', 'cifar100_lt/gala_if100', '--data', 'nowhere'], 4, options);
  assert.match(errorOf(nowhere).message, /folder of the images is not there/);
  assert.equal(errorOf(nowhere).where, join(temporary, 'nowhere'));
  assert.match(errorOf(nowhere).next, /gala data download cifar100 --data nowhere\. /);
  const file = await gala(['train', 'cifar100_lt/gala_if100', '--data', 'archive.bin'], 4, options);
  assert.match(errorOf(file).message, /This is a file/);
  assert.ok(errorOf(file).next.includes(`gala data download cifar100 --data ${temporary}. `));
});

test('gala data verify takes the set that comes with gala', async () => {
  const { stdout } = await gala(['data', 'verify', 'fashion_mnist_lt'], 0, options);
  assert.match(stdout, /1236 \+ 2000 images, sound/);
  const unused = await gala(['data', 'verify', 'fashion_mnist_lt', '--set', 'data.subset_seed=1'], 2, options);
  assert.match(errorOf(unused).message, /^--set has no effect without --config/);
});

test('A command on a sweep without its name lists the sweeps there are', async () => {
  for (const verb of ['status', 'resume', 'cancel']) {
    const none = errorOf(await gala(['sweep', verb], 2, options));
    assert.deepEqual([none.message, none.where], ['No sweep is named.', join(temporary, 'runs', 'sweeps')]);
    assert.match(none.next, /^There are no sweeps here/);
  }
  for (const name of ['one', 'two']) {
    mkdirSync(join(temporary, 'swept', 'sweeps', name), { recursive: true });
    writeFileSync(join(temporary, 'swept', 'sweeps', name, 'sweep.json'), '{}');
  }
  const other = errorOf(await gala(['sweep', 'status', 'nope', '--runs', 'swept'], 2, options));
  assert.match(other.next, /^Give one of one, two;/);
});

test('Seeds of a sweep in several words, or as a range, are answered with the list', async () => {
  const sweep = ['sweep', 'fashion_mnist_lt/gala', '--dry-run', '--seeds'];
  assert.equal(errorOf(await gala([...sweep, '0', '1', '2'], 2, options)).next, 'Write --seeds 0,1,2.');
  assert.match((await gala([...sweep, '1..3'], 2, options)).stderr, /--seeds 1,2,3$/m);
  assert.match((await gala([...sweep, '0,'], 2, options)).stderr, /whole numbers separated by commas, such as 0,1,2/);
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
