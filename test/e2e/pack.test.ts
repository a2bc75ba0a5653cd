/** `gala data pack` and training on what it made. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { requireTensorFlow } from '../../src/engine/install/locate.js';
import { folderTree, writeTree } from '../data/imageTrees.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, gala } from './gala.js';
import { onlyRun, recordOf } from './outcome.js';

const temporary = temporaryFolder();
const at = (...names: string[]) => join(temporary, ...names);
const options = {
  cwd: temporary,
  environment: { GALA_CACHE: at('cache'), GALA_TENSORFLOW: requireTensorFlow().libraryFolder },
};
const config = at('tree.yaml');
const packed = at('packed');
const classes = 3;

before(async () => {
  writeFileSync(
    config,
    `data:
  dataset: image_folder
  augment: [reflect_pad, random_resized_crop, horizontal_flip, color_jitter, rand_augment]
  image_size: 32
model: {backbone: resnet20}
loss: {name: gala}
optim: {learning_rate: 0.05, warmup_learning_rate: 0.05}
train: {epochs: 2, batch_size: 4}
eval: {batch_size: 16, select_on: last}
precision: fp32
threads: 1
`,
  );
  await writeTree(at('images'), folderTree(classes));
});

const pack = (status: number, ...flags: string[]) =>
  gala(['data', 'pack', '--config', config, '--data', at('images'), '--output', packed, ...flags], status, options);

describe('a packed set', () => {
  test('is made with a summary that says how to go on, and made once', async () => {
    const { stdout, stderr } = await pack(0);
    assert.match(stdout, /^Packed \d+ train images, \d+ MB, short side 37\nPacked \d+ test images/);
    assert.ok(stdout.endsWith(`Train on them with --data ${packed}\n`));
    assert.match(stderr, /packing train \d+\/\d+/);
    const again = await pack(0, '--json');
    const { dataset, splits } = JSON.parse(again.stdout) as {
      dataset: string;
      splits: { split: string; images: number; found: number }[];
    };
    assert.equal(dataset, 'image_folder');
    assert.deepEqual(
      splits.map(({ split }) => split),
      ['train', 'test'],
    );
    for (const { images, found } of splits) assert.equal(found, images);
    const image = at('images', 'test', 'class0', readdirSync(at('images', 'test', 'class0'))[0]!);
    const [before, other] = [readFileSync(image), readFileSync(image)];
    writeFileSync(image, Buffer.concat([other, Buffer.from('more bytes behind the image')]));
    const changed = await pack(0);
    assert.match(changed.stderr + changed.stdout, /^train: \d+ images had been packed before/m);
    assert.doesNotMatch(changed.stderr + changed.stdout, /^test: \d+ images had been packed before/m);
    writeFileSync(image, before);
  });

  test('trains like the files, is evaluated to the same numbers, and run.json says what was read', async () => {
    const output = at('runs');
    await gala(['train', '--config', config, '--data', packed, '--output', output], 0, options);
    const run = onlyRun(output, 'tree');
    const record = recordOf(run);
    assert.equal(record.status, 'finished');
    for (const split of ['train', 'test']) {
      assert.equal(record.splits[split]!.images_from, 'packed, short side 37');
    }
    const tables = [];
    for (const data of [packed, at('images')]) {
      rmSync(join(run, 'logits/test-last.safetensors'));
      tables.push((await gala(['eval', '--run', run, '--data', data, '--format', 'json'], 0, options)).stdout);
    }
    assert.equal(tables[0]!.replaceAll(packed, ''), tables[1]!.replaceAll(at('images'), ''));
  });

  test('is another set than its files to a run, which cannot go on with the other one', async () => {
    const output = at('files-runs');
    await gala(['train', '--config', config, '--data', at('images'), '--output', output], 0, options);
    const onFiles = recordOf(onlyRun(output, 'tree')).splits;
    const onPacked = recordOf(onlyRun(at('runs'), 'tree')).splits;
    assert.equal(onFiles.train!.images_from, 'files');
    assert.equal(onFiles.train!.images, onPacked.train!.images);
    assert.notEqual(onFiles.train!.fingerprint, onPacked.train!.fingerprint);
  });

  test('is benchmarked like any other', async () => {
    const flags = ['--steps', '1', '--set', 'train.batch_size=2'];
    for (const [data, form] of [
      [packed, 'packed, short side 37'],
      [at('images'), 'files'],
    ] as const) {
      const { stdout } = await gala(['bench', 'data', '--config', config, '--data', data, ...flags], 0, options);
      const figures = JSON.parse(stdout) as { images_from: string; images_per_second: number };
      assert.equal(figures.images_from, form);
      assert.ok(figures.images_per_second > 0);
    }
  });

  test('with a damaged shard stops before it is trained on wrong pixels, and is repaired by packing again', async () => {
    const shard = join(packed, 'train', '00000.rgb');
    const bytes = readFileSync(shard);
    const changed = Buffer.from(bytes);
    changed[1000]! ^= 0x10;
    const train = (status: number) =>
      gala(['train', '--config', config, '--data', packed, '--output', at('damaged-runs')], status, options);
    writeFileSync(shard, changed);
    const damaged = errorOf(await train(4));
    assert.match(damaged.message, /shard is damaged/);
    assert.ok(damaged.where!.startsWith(`${shard}, byte `), damaged.where);
    truncateSync(shard, 1000);
    assert.match(errorOf(await train(4)).message, /has 1000 bytes, but its index says/);
    await pack(0, '--quiet');
    assert.ok(readFileSync(shard).equals(bytes));
  });
});

describe('packing refuses', () => {
  test(
    'what is packed already, a set without image files, a folder that is not known, another set in the ' + 'folder',
    async () => {
      const again = ['data', 'pack', '--config', config, '--data', packed, '--output', at('again')];
      assert.match(errorOf(await gala(again, 2, options)).message, /packed already/);
      const check = ['data', 'verify', 'imagenet_lt', '--data', packed];
      assert.match(errorOf(await gala(check, 2, options)).message, /This is a packed set: there are no image files/);
      const cifar = ['data', 'pack', '--config', 'cifar100_lt/gala_if100', '--output', at('cifar')];
      assert.match(errorOf(await gala(cifar, 2, options)).message, /not made of image files/);
      const nowhere = ['data', 'pack', '--config', config, '--output', at('nowhere')];
      assert.match(errorOf(await gala(nowhere, 4, options)).message, /The folder of image_\w+ is not known/);
      assert.match(errorOf(await pack(4, '--short-side', '48')).message, /another pack, with short_side 37, not 48/);
      assert.match(errorOf(await pack(2, '--split', 'val')).message, /no split val/);
    },
  );

  test('an image that does not decode, by name', async () => {
    await writeTree(at('bad'), folderTree(classes));
    const bad = at('bad', 'train', 'class1', '002.jpg');
    truncateSync(bad, 300);
    const flags = ['data', 'pack', '--config', config, '--data', at('bad'), '--output', at('bad-packed')];
    const { message, where } = errorOf(await gala(flags, 4, options));
    assert.match(message, /JPEG image is truncated/);
    assert.equal(where, bad);
    const skip = [...flags, '--set', 'data.on_bad_image=skip'];
    assert.match(errorOf(await gala(skip, 4, options)).message, /another pack, of other images/);
    const { stderr } = await gala([...skip, '--output', at('skipped-packed')], 0, options);
    assert.match(stderr, /1 of the \d+ train images are left out/);
  });
});
