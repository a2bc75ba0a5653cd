import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import { openDatasets } from '../../src/data/index.js';
import { ConfigError, DataError, type GalaError } from '../../src/errors.js';
import { configText, groupsFor, recipeFor } from '../../src/survey/recipe.js';
import { surveyImages } from '../../src/survey/survey.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { writePicture } from './imageTrees.js';

process.env.GALA_CACHE = temporaryFolder();
const watcher = { onCheck() {}, onChecked() {}, stopped: () => false };
const look = (path: string) => surveyImages(path, watcher);

/** DIR/CLASS/… with so many pictures of each class, below `below`. */
async function pictures(counts: readonly number[], root = temporaryFolder(), below = '', first = 0): Promise<string> {
  for (const [label, count] of counts.entries()) {
    const folder = join(root, below, `kind${label}`);
    mkdirSync(folder, { recursive: true });
    for (let i = 0; i < count; i++) await writePicture(join(folder, `${first + i}.jpg`), label, first + i);
  }
  return root;
}

/** What `look` is refused with. */
async function refusal(path: string): Promise<GalaError> {
  const error = await look(path).then(
    () => assert.fail('it was not refused'),
    (reason: GalaError) => reason,
  );
  assert.ok(error.where && error.next, `${error.message} has no place or no remedy`);
  return error;
}

describe('the look at images', () => {
  test('divides a folder of classes by class; one image of each stays in training', async () => {
    const root = await pictures([20, 5, 3, 2, 1]);
    const survey = await look(root);
    assert.deepEqual(survey.images, { train: 20 - 2 - 4 + (5 - 1 - 1) + 1 + 1 + 1, val: 4, test: 7 });
    assert.deepEqual([...survey.counts], [14, 3, 1, 1, 1]);
    assert.deepEqual(survey.data.split, { val: 0.1, test: 0.2 });
    assert.deepEqual(
      survey.notes.filter(note => note.includes('never tested')),
      ['without a test image, so never tested: kind4'],
    );
    assert.equal(survey.gray, 0);
    assert.equal(survey.sizes.median.height, 38);
  });

  test('keeps parts that are there and takes from training what is not', async () => {
    const root = await pictures([10, 10], temporaryFolder(), 'train');
    assert.deepEqual((await look(root)).images, { train: 14, val: 2, test: 4 });
    await pictures([3, 3], root, 'test', 50);
    assert.deepEqual((await look(root)).images, { train: 18, val: 2, test: 6 });
    await pictures([2, 2], root, 'val', 90);
    assert.deepEqual((await look(root)).images, { train: 20, val: 4, test: 6 });
    assert.equal((await look(root)).data.split, undefined);
    mkdirSync(join(root, 'validation'));
    assert.ok((await look(root)).notes.some(note => /^validation: not read; /.test(note)));
    rmSync(join(root, 'test'), { recursive: true });
    assert.deepEqual((await look(root)).images, { train: 18, val: 2, test: 4 });
  });

  test('reads a list, and the lists beside it of the same name', async () => {
    const root = await pictures([10, 10]);
    const line = (label: number, i: number) => `kind${label}/${i}.jpg ${label}\n`;
    const lines = [0, 1].flatMap(label => Array.from({ length: 8 }, (_, i) => line(label, i)));
    writeFileSync(join(root, 'my_train.txt'), lines.join(''));
    assert.deepEqual((await look(join(root, 'my_train.txt'))).images, { train: 10, val: 2, test: 4 });
    writeFileSync(join(root, 'my_test.txt'), [0, 1].map(label => line(label, 9)).join(''));
    assert.deepEqual((await look(join(root, 'my_train.txt'))).images, { train: 14, val: 2, test: 2 });
  });

  test('refuses what cannot be trained on, with a place and a remedy', async () => {
    const root = await pictures([3, 3]);
    assert.match((await refusal(join(root, 'absent'))).message, /no such folder/);
    const empty = temporaryFolder();
    assert.ok((await refusal(empty)) instanceof DataError);
    assert.match((await refusal(await pictures([4]))).message, /one class, kind0/);
    const nested = await pictures([3, 3], temporaryFolder(), 'all');
    assert.match((await refusal(nested)).next!, /^gala init .*all$/);
    const runs = temporaryFolder();
    mkdirSync(join(runs, 'gala', 'x'), { recursive: true });
    writeFileSync(join(runs, 'gala', 'x', 'run.json'), '{}');
    const folderOfRuns = await refusal(runs);
    assert.ok(folderOfRuns instanceof ConfigError && /folder of runs/.test(folderOfRuns.message));
    writeFileSync(join(root, 'kind0', 'bad.jpg'), 'no image');
    assert.match((await refusal(root)).where!, /bad\.jpg \(not an image\)$/);
    assert.match((await refusal(join(root, 'kind1'))).message, /^The folder has 3 images and no folders of classes\.$/);
    assert.match((await refusal(join(root, 'kind1'))).next!, /give the folder above: gala init /);
    assert.equal((await refusal(empty)).message, 'The folder has no images.');
    assert.match((await refusal(join(root, 'kind1', '0.jpg'))).message, /^This is an image;/);
    writeFileSync(join(root, 'list.txt'), 'nowhere/a.jpg 0\nnowhere/b.jpg 1\n'.repeat(9));
    assert.match((await refusal(join(root, 'list.txt'))).next!, /relative to the folder of the list/);
    assert.match((await refusal(await pictures([1, 1]))).next!, /^Add images: .*to val too\.$/);
  });
});

describe('the config for images', () => {
  test('loads without a warning, and its splits are those of the look', async () => {
    const root = await pictures([20, 5, 3, 2]);
    const survey = await look(root);
    const file = join(temporaryFolder(), 'mine.yaml');
    writeFileSync(file, configText('mine', survey, recipeFor(survey)));
    const { config, warnings } = loadConfig(file);
    assert.deepEqual(warnings, []);
    assert.equal(config.eval.select_on, 'val');
    const { val_fraction: heldOutFraction } = config.eval;
    const opened = await openDatasets(config.data, { heldOutFraction, environment: {} });
    assert.deepEqual([opened.train.length, opened.val!.length, opened.test.length], [19, 4, 7]);
    assert.ok(config.train.batch_size <= opened.train.length);
    const other = await openDatasets({ ...config.data, subset_seed: 1 }, { heldOutFraction, environment: {} });
    assert.notEqual(other.test.fingerprint, opened.test.fingerprint);
    writeFileSync(join(root, 'kind0', 'z.jpg'), 'one more');
    const changed = await openDatasets(config.data, { heldOutFraction, environment: {} });
    assert.notEqual(changed.trainFull.fingerprint, opened.trainFull.fingerprint);
  });

  test('chooses the network by size and number, and steps that fit the number', () => {
    const sizes = (side: number) => {
      const header = { width: side + 8, height: side, gray: false };
      return { smallest: header, median: header, largest: header };
    };
    const recipe = (side: number, ...counts: number[]) =>
      recipeFor({ sizes: sizes(side), counts: Int32Array.from(counts) });
    assert.deepEqual([recipe(32, 500, 50).backbone, recipe(32, 500, 50).side], ['resnet20', 32]);
    assert.equal(recipe(32, 5000, 500).backbone, 'resnet32');
    assert.deepEqual([recipe(480, 150, 50).backbone, recipe(480, 150, 50).side], ['resnet10', 112]);
    assert.deepEqual([recipe(480, 90_000, 500).backbone, recipe(480, 90_000, 500).side], ['resnet50', 224]);
    assert.equal(recipe(480, 3, 1).batchSize, 2);
    assert.equal(recipe(480, 150, 50).batchSize, 16);
    assert.equal(recipe(480, 9000, 500).loss, 'gala');
  });

  test('has groups that tell the classes apart', () => {
    assert.deepEqual(groupsFor(Int32Array.of(500, 50, 5)), { many: 100, few: 20 });
    assert.deepEqual(groupsFor(Int32Array.of(84, 49, 28, 16, 9)), { many: 38, few: 22 });
    assert.deepEqual(groupsFor(Int32Array.of(900, 500, 300, 200)), { many: 700, few: 250 });
    assert.deepEqual(groupsFor(Int32Array.of(50, 50, 50)), { many: 100, few: 20 });
  });
});
