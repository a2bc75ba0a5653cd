/**
 * The built binary in odd folders: a home folder that no shell expanded, a working folder that is gone, pipes among the
 * images.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { folderTree, writeTree } from '../data/imageTrees.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, gala } from './gala.js';

const temporary = temporaryFolder();
const home = join(temporary, 'home');
const here = join(temporary, 'here');
const options = { cwd: here, environment: { HOME: home, GALA_CACHE: '~/cache' } };

before(async () => {
  mkdirSync(here);
  await writeTree(join(home, 'set'), folderTree(2));
});

test('~/ is the home folder in options, GALA_DATA and configs; no folder is called ~', async () => {
  writeFileSync(join(home, 'set.yaml'), configOf('~/set'));
  const { stdout } = await gala(['data', 'verify', '--config', '~/set.yaml'], 0, options);
  assert.match(stdout, /train: 18 images/);
  await gala(['data', 'verify', 'image_folder', '--data=~/set'], 0, options);
  const environment = { ...options.environment, GALA_DATA: '~/set' };
  await gala(['data', 'verify', 'image_folder'], 0, { ...options, environment });
  await gala(['data', 'pack', '--config', '~/set.yaml', '--output=~/pack', '--short-side', '16'], 0, options);
  assert.deepEqual(readdirSync(join(home, 'pack')).sort(), ['test', 'train']);
  const lists = '\n  train_list: ~/set/train.txt\n  test_list: ~/set/test.txt';
  writeFileSync(join(home, 'list.yaml'), configOf('~/set', 'image_list', lists));
  await gala(['data', 'verify', '--config=~/list.yaml'], 0, options);
  assert.deepEqual(readdirSync(here), []);
});

test('a working folder that was removed is told as that: exit 4', async () => {
  const gone = join(temporary, 'gone');
  mkdirSync(gone);
  const under = ['bash', '-c', 'cd "$0" && rmdir "$0" && exec "$@"', gone];
  const error = errorOf(await gala(['config', 'show', 'fashion_mnist_lt/gala'], 4, { ...options, under }));
  assert.match(error.message, /^The working folder does not exist any more/);
  assert.equal(error.where, gone);
  assert.match(error.next, /cd /);
});

test('a named pipe among the images is no image, and nobody waits for it', async () => {
  const root = join(temporary, 'pipes');
  cpSync(join(home, 'set'), root, { recursive: true });
  execFileSync('mkfifo', [join(root, 'train/class0/z.png')]);
  const { stdout } = await gala(['data', 'verify', 'image_folder', '--data', root, '--deep'], 4, options);
  assert.match(stdout, /not an image: .*train\/class0\/z\.png/);
  writeFileSync(join(home, 'pipes.yaml'), configOf(root));
  const pack = ['data', 'pack', '--config', join(home, 'pipes.yaml'), '--output', join(temporary, 'pack')];
  assert.match(errorOf(await gala(pack, 4, options)).message, /is a named pipe, not a regular file/);
  for (const config of ['/dev/zero', join(root, 'train/class0/z.png')]) {
    assert.match(errorOf(await gala(['config', 'show', config], 2, options)).message, /not a regular file/);
  }
});

test('copies among the test images, and files that are left out, are told by verify --deep and in JSON', async () => {
  const root = join(home, 'set');
  writeFileSync(join(root, 'train/class0/.DS_Store'), '');
  const { stdout } = await gala(['data', 'verify', 'image_folder', '--data', root, '--deep', '--json'], 0, options);
  const { notes } = JSON.parse(stdout) as { notes: string[] };
  assert.match(notes[0]!, /^train: 1 file is left out .*: 1 \.DS_Store\.$/);
  assert.match(
    notes[1]!,
    /^\d of the 6 test images are equal to some of the training images, byte for byte, the first .*test\/class0\/000\.jpg and .*train\/class0\/001\.jpg\.$/,
  );
});

function configOf(root: string, dataset = 'image_folder', lists = ''): string {
  return `data:
  dataset: ${dataset}
  root: ${root}${lists}
model: {backbone: resnet10}
loss: {name: cross_entropy}
optim: {learning_rate: 0.1, warmup_learning_rate: 0.1}
train: {epochs: 3}
`;
}
