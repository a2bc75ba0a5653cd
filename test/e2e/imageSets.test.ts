/**
 * Sets of image files from the command line: verified, trained on, evaluated; bad files are told before the first step.
 */
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { requireTensorFlow } from '../../src/engine/install/locate.js';
import {
  folderTree,
  type ImageTree,
  imagenetTree,
  inaturalistTree,
  placesTree,
  writeTree,
} from '../data/imageTrees.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, gala } from './gala.js';
import { onlyRun, recordOf } from './outcome.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
// What was checked is remembered in a cache of this test's own; the engine is the machine's.
const options = {
  cwd: temporary,
  environment: { GALA_CACHE: at('cache'), GALA_TENSORFLOW: requireTensorFlow().libraryFolder },
};

const recipe = `
  augment: [random_resized_crop, horizontal_flip]
  image_size: 32
model: {backbone: resnet20}
loss: {name: gala}
optim: {learning_rate: 0.05, warmup_learning_rate: 0.05}
train: {epochs: 12, batch_size: 4}
eval: {batch_size: 16, every: 12, select_on: last}
precision: fp32
threads: 1
`;

function writeConfig(name: string, dataset: string, lists: boolean): string {
  const given = lists ? '\n  train_list: train.txt\n  test_list: test.txt' : '';
  writeFileSync(at(`${name}.yaml`), `data:\n  dataset: ${dataset}${given}${recipe}`);
  return at(`${name}.yaml`);
}

/** Trains on a tree and evaluates it; the run folder. */
async function trainOn(name: string, dataset: string, tree: ImageTree): Promise<string> {
  const root = await writeTree(at(name), tree);
  const output = at(`${name}-runs`);
  await gala(['train', '--config', writeConfig(name, dataset, true), '--data', root, '--output', output], 0, options);
  const run = onlyRun(output, name);
  const { status, splits, results } = recordOf(run);
  assert.equal(status, 'finished');
  assert.equal(splits.train!.images, tree.train.length);
  assert.equal(splits.test!.images, tree.test.length);
  // Four classes by chance: 25 %; stripes and colours tell them apart within these epochs.
  assert.ok(results[0]!.top1 > 25, `top-1 ${results[0]!.top1}`);
  return run;
}

describe('a tree in the official layout trains and evaluates', () => {
  test('ImageNet-LT, validation images flat; `gala eval` decodes them again to the same numbers', async () => {
    const run = await trainOn('imagenet', 'imagenet_lt', imagenetTree(4, { flat: true }));
    rmSync(join(run, 'logits/test-last.safetensors'));
    const { stdout } = await gala(['eval', '--run', run, '--data', at('imagenet'), '--format', 'json'], 0, options);
    assert.deepEqual(
      (JSON.parse(stdout) as { top1: number }[]).map(row => row.top1),
      recordOf(run).results.map(({ top1 }) => Number(top1.toFixed(2))),
    );
  });
  test('Places-LT, sub-classes joined by a dash', async () => {
    await trainOn('places', 'places_lt', placesTree(4, { dash: true }));
  });
  test('iNaturalist 2018', async () => {
    await trainOn('inaturalist', 'inaturalist2018', inaturalistTree(4));
  });
  test('a list of one’s own', async () => {
    await trainOn('list', 'image_list', folderTree(4));
  });
});

test('test images among the training images are told by verify, by the training, and in run.json', async () => {
  const root = await writeTree(at('overlap'), folderTree(3));
  appendFileSync(join(root, 'train.txt'), 'test/class2/002.jpg 1\ntrain/class0/001.jpg 0\n');
  const config = writeConfig('overlap', 'image_list', true);
  const sentences = [
    `1 of the 24 training images is listed more than once, the first ${root}/train/class0/001.jpg.`,
    `1 of the 9 test images is among the training images too, the first ${root}/test/class2/002.jpg.`,
  ];
  const { stdout } = await gala(['data', 'verify', '--config', config, '--data', root], 0, options);
  assert.deepEqual(stdout.split('\n').slice(0, 2), sentences);
  const train = [
    'train',
    '--config',
    config,
    '--data',
    root,
    '--output',
    at('overlap-runs'),
    '--set',
    'train.epochs=1',
  ];
  const { stderr } = await gala(train, 0, options);
  const { notes } = recordOf(onlyRun(at('overlap-runs'), 'overlap'));
  assert.deepEqual(notes!.slice(0, 2), sentences);
  assert.match(notes![2]!, /^\d of the 9 test images are equal to some of the training images, byte for byte/);
  for (const note of notes!) assert.ok(stderr.includes(note), note);
});

describe('bad images', () => {
  const root = at('bad');
  const bad = 'train/class1/002.jpg';
  const config = () => writeConfig('bad', 'image_folder', false);
  const train = (exitCode: number, ...set: string[]) =>
    gala(
      [
        'train',
        '--config',
        config(),
        '--data',
        root,
        '--output',
        at('bad-runs'),
        ...(set.length ? ['--set', ...set] : []),
      ],
      exitCode,
      options,
    );

  before(async () => {
    await writeTree(root, folderTree(3));
    truncateSync(join(root, bad), 300);
  });

  test('stop a training before its first step, with path and remedy, and leave no run folder', async () => {
    const error = errorOf(await train(4));
    assert.match(error.message, /1 of the 22 train images cannot be used \(1 truncated\)/);
    assert.match(error.where, new RegExp(bad));
    assert.match(error.next, /`gala data verify --config CONFIG --data \S+ --deep`/);
    assert.deepEqual(existsSync(at('bad-runs/bad')) ? readdirSync(at('bad-runs/bad')) : [], []);
  });

  test('are left out with on_bad_image: skip, counted, named and recorded', async () => {
    const { stderr } = await train(0, 'data.on_bad_image=skip', 'train.epochs=1');
    assert.match(
      stderr,
      /1 of the 22 train images are left out \(data\.on_bad_image: skip\): .*002\.jpg \(truncated\)/,
    );
    const record = recordOf(onlyRun(at('bad-runs'), 'bad'));
    assert.match(record.notes!.join('\n'), /1 of the 22 train images are left out/);
    assert.deepEqual(record.splits.train!.class_counts, [12, 5, 4]);
  });

  test('are never left out of an evaluation', async () => {
    truncateSync(join(root, 'test/class0/001.jpg'), 300);
    const error = errorOf(await train(4, 'data.on_bad_image=skip'));
    assert.match(error.message, /1 of the 9 test images cannot be used/);
    assert.doesNotMatch(error.next, /on_bad_image/);
  });

  test('are told by class by `gala data verify --deep`; without --deep only what is not there', async () => {
    const verify = (exitCode: number, ...flags: string[]) =>
      gala(['data', 'verify', 'image_folder', '--data', root, ...flags], exitCode, options);
    assert.match((await verify(0)).stdout, /^train: 22 images \(.*\): 22 there\.\ntest: 9 images \(.*\): 9 there\.$/m);
    const { stdout, stderr } = await verify(4, '--deep');
    assert.match(stdout, /train: 22 images .*: 21 sound, 1 truncated\./);
    assert.match(stdout, /^ +1 +class1 +6 +1$/m);
    assert.match(stdout, new RegExp(`truncated: ${join(root, bad)}`));
    assert.match(stderr, /train: 22 of 22 images have not changed since they were checked/);
    const { splits } = JSON.parse((await verify(4, '--deep', '--json', '--split', 'train')).stdout);
    assert.deepEqual(splits[0].files, [{ path: join(root, bad), label: 1, verdict: 'truncated' }]);
    rmSync(join(root, bad));
    // Folders have no list that could miss it; `train.txt` beside them has.
    const listed = ['data', 'verify', '--config', writeConfig('listed', 'image_list', true), '--data', root];
    assert.match((await gala(listed, 4, options)).stdout, /21 there, 1 missing\.[\s\S]*missing: .*002\.jpg/);
  });
});
