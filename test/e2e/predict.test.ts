/** `gala predict`: images without labels through the network of a run, and what cannot be read. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import sharp from 'sharp';
import { openIdxSet } from '../../src/data/fashionMnist.js';
import { imageOf } from '../imageOf.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, gala } from './gala.js';
import { csvOf, onlyRun, recordOf } from './outcome.js';
import { smallTraining, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };
const set = writeSmallSet(at('set'));
let run: string;

/** The test images as PNG files, in their order. */
before(async () => {
  const { test: images } = openIdxSet(set);
  const { height, width } = images.imageShape;
  mkdirSync(at('images'));
  for (let i = 0; i < images.length; i++) {
    const file = sharp(imageOf(images, i), { raw: { width, height, channels: 1 } }).png();
    await file.toFile(at(`images/${String(i).padStart(3, '0')}.png`));
  }
  await gala(smallTraining(set, at('runs'), ['train.epochs=1']), 0, options);
  run = onlyRun(at('runs'));
});

test('Test images as files get the classes that the evaluation of the run predicts, plain and re-balanced', async () => {
  const expected = csvOf(run, 'predictions.csv');
  for (const [flags, column] of [
    [[], 'predicted'],
    [['--rebalance'], 'predicted_rebalanced'],
    [['--rebalance', '1', '--mass', 'images'], 'predicted_rebalanced'],
  ] as const) {
    const output = at('predictions.csv');
    await gala(['predict', '--run', run, 'images', ...flags, '--top', '2', '--output', output], 0, options);
    const rows = csvOf(output);
    assert.equal(rows.length, expected.length);
    assert.deepEqual(
      rows.map(({ class_1 }) => class_1),
      expected.map(row => recordOf(run).network!.class_names[Number(row[column])]),
    );
    assert.equal(rows[7]!.image, 'images/007.png');
    assert.ok(Number(rows[7]!.probability_1) >= Number(rows[7]!.probability_2));
  }
  assert.equal(csvOf(at('predictions.csv'))[0]!.mass_of, 'given images');
});

test(
  'Without the logits of the run, the mass of the given images is offered; class names need no other ' + 'file',
  async () => {
    rmSync(join(run, 'logits'), { recursive: true });
    const refused = await gala(['predict', '--run', run, 'images', '--rebalance'], 2, options);
    assert.match(errorOf(refused).next, /gala eval --run .* --mass images/);
    const { stdout } = await gala(['predict', '--run', run, 'images/000.png', '--top', '1'], 0, options);
    assert.match(stdout, /^images\/000\.png: \S.* \d+\.\d %$/m);
  },
);

test(
  'Files that cannot be read are named and skipped, exit 4; a list names images, labels in it are ' + 'passed over',
  async () => {
    writeFileSync(at('images/junk.jpg'), 'no image');
    writeFileSync(at('list.txt'), 'images/000.png 3\n\nimages/junk.jpg\nimages/gone.png\nimages/001.png\n');
    const output = at('predictions.json');
    const { stderr } = await gala(['predict', '--run', run, 'list.txt', '--output', output], 4, options);
    assert.match(stderr, /skipped: images\/junk\.jpg: The file is not an image/);
    assert.match(stderr, /2 of 4 images could not be read/);
    const { images, unreadable, checkpoint } = JSON.parse(readFileSync(output, 'utf8'));
    assert.equal(checkpoint, 'best');
    assert.deepEqual(
      images.map(({ image }: { image: string }) => image),
      ['images/000.png', 'images/001.png'],
    );
    assert.equal(images[0].top.length, 5);
    assert.deepEqual(
      unreadable.map(({ image }: { image: string }) => image),
      ['images/junk.jpg', 'images/gone.png'],
    );
  },
);

test('What is no image, no folder and no list is refused before anything is computed', async () => {
  const predict = (...words: string[]) => gala(['predict', '--run', run, ...words], 4, options);
  assert.match(errorOf(await predict('nowhere')).message, /no such file or folder/);
  writeFileSync(at('archive.zip'), 'PK\x03\x04\0\0');
  assert.match(errorOf(await predict('archive.zip')).message, /neither an image nor a list/);
  mkdirSync(at('empty'));
  assert.match(errorOf(await predict('empty')).message, /no images in the folder/);
  const wrong = await gala(['predict', '--run', run, 'images', '--output', 'x.txt'], 2, options);
  assert.equal(errorOf(wrong).next, 'Name it x.csv or x.json.');
  const { stderr } = await gala(['predict', '--run', run, '--rebalance', 'images'], 2, options);
  assert.match(stderr, /--rebalance 1 images/);
});
