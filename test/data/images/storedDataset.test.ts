import assert from 'node:assert/strict';
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { type Dataset, subset } from '../../../src/data/dataset.js';
import type { ImageFiles } from '../../../src/data/files/imageFiles.js';
import { fileDataset } from '../../../src/data/files/storedDataset.js';
import { centreBox, shortSideSize } from '../../../src/data/images/boxes.js';
import { readRgb } from '../../../src/data/images/decode.js';
import { makeResizer } from '../../../src/data/images/resize.js';
import { rowsOf, wholeBox } from '../../../src/data/images/rgbImage.js';
import type { PipelineOptions } from '../../../src/data/pipeline/pipeline.js';
import { openPipeline, readBatches } from '../../../src/data/pipeline/pipeline.js';
import { shuffledOrder } from '../../../src/data/sampler.js';
import { ConfigError, DataError } from '../../../src/errors.js';
import { sha256 } from '../../../src/io/hash.js';
import { describeUnless } from '../../shared.js';
import { temporaryFolder } from '../../temporaryFolder.js';
import { listOf, writeExampleFiles } from './exampleFiles.js';
import { golden, outputs, skipped } from './golden.js';

const folder = temporaryFolder();
const size = { side: 32, shortSide: 36 };
const imageSize = 3 * 32 * 32;
const recipe = ['reflect_pad', 'random_resized_crop', 'horizontal_flip', 'color_jitter', 'rand_augment'] as const;
let files: ImageFiles;
let dataset: Dataset;
let options: PipelineOptions;

before(async () => {
  files = await writeExampleFiles(join(folder, 'images'), 23);
  dataset = fileDataset(files, size);
  options = { dataset, augment: recipe, seed: 5, batchSize: 4, order: orderOf(dataset), workers: 1 };
});

const orderOf =
  ({ length }: Dataset) =>
  (epoch: number) =>
    shuffledOrder(length, 5, epoch);

/** One line per batch of an epoch. */
async function digests(given: PipelineOptions, epoch = 1, startStep = 0): Promise<string[]> {
  const pipeline = openPipeline({ ...given, order: orderOf(given.dataset) });
  const lines: string[] = [];
  for await (const { step, images, labels, indices } of pipeline.blocks({ epoch, step: startStep }, epoch)) {
    lines.push(`${step} ${sha256(images)} ${labels.join()} ${indices.join()}`);
  }
  await pipeline.close();
  return lines;
}

/** The images of the dataset as evaluation sees them: decoded whole, resized and cropped one by one. */
async function centralCrops(): Promise<Uint8Array[]> {
  const resize = makeResizer();
  return await Promise.all(
    Array.from({ length: dataset.length }, async (_, index) => {
      const image = await readRgb(files.path(index));
      const resized = shortSideSize(image, size.shortSide);
      const crop = new Uint8Array(imageSize);
      resize(rowsOf(image, wholeBox(image)), resized, centreBox(resized, size.side), crop);
      return crop;
    }),
  );
}

describe('batches of image files', () => {
  test('are the same for any number of workers and any prefetch, and other ones in another epoch', async () => {
    const expected = await digests({ ...options, workers: 0 });
    assert.equal(expected.length, 5);
    assert.equal(new Set(expected).size, 5);
    for (const workers of [1, 3]) assert.deepEqual(await digests({ ...options, workers }), expected);
    assert.deepEqual(await digests({ ...options, prefetch: 1 }), expected);
    assert.deepEqual(await digests(options, 1, 3), expected.slice(3));
    assert.notDeepEqual((await digests(options, 2))[0], expected[0]);
  });

  test('hold central crops where nothing is augmented', async () => {
    const crops = await centralCrops();
    const pipeline = openPipeline({ ...options, augment: [] });
    for await (const { images, indices } of pipeline.blocks({ epoch: 1, step: 0 }, 1)) {
      indices.forEach((index, i) => {
        assert.deepEqual(images.slice(i * imageSize, (i + 1) * imageSize), crops[index]);
      });
    }
    await pipeline.close();
  });

  test('of a subset hold its images', async () => {
    const indices = Int32Array.of(22, 3, 17, 4, 5, 6, 7, 8);
    const part = subset(dataset, indices);
    const crops = await centralCrops();
    for await (const batch of readBatches(part, 3, 1)) {
      for (let i = 0; i < batch.indices.length; i++) {
        const index = indices[batch.indices[i]!]!;
        assert.equal(batch.labels[i], index % 3);
        assert.deepEqual(batch.images.slice(i * imageSize, (i + 1) * imageSize), crops[index]);
      }
    }
  });

  test('for evaluation are all images in order, the last batch being smaller', async () => {
    for (const workers of [0, 2]) {
      const seen: number[] = [];
      const sizes: number[] = [];
      for await (const { indices, images, labels } of readBatches(dataset, 5, workers)) {
        seen.push(...indices);
        sizes.push(indices.length);
        assert.equal(images.length, indices.length * 32 * 32 * 3);
        assert.deepEqual(
          [...labels],
          Array.from(indices, index => index % 3),
        );
      }
      assert.deepEqual(seen, [...Array(23).keys()]);
      assert.deepEqual(sizes, [5, 5, 5, 5, 3]);
    }
  });

  test('are made in a thread that ends with the pipeline, also in the middle of an epoch', async () => {
    const pipeline = openPipeline({ ...options, workers: 2 });
    for await (const { step } of pipeline.blocks({ epoch: 0, step: 0 }, 0)) if (step === 1) break;
    await pipeline.close();
  });
});

describeUnless(skipped, 'the central crop of a file', () => {
  test('is that of torchvision, read by a worker', async () => {
    const photographs = ['landscape.jpg', 'portrait.jpg', 'small.jpg', 'large.jpg', 'cmyk.jpg', 'alpha.png'];
    const set = fileDataset(listOf(golden('.'), photographs), { side: 224, shortSide: 256 });
    for await (const { images } of readBatches(set, photographs.length, 1)) {
      photographs.forEach((name, i) => {
        const output = outputs('resize256_centercrop224').find(({ image }) => image === name)!;
        assert.equal(sha256(images.subarray(i * 150_528, (i + 1) * 150_528)), output.sha256, name);
      });
    }
  });
});

describe('a file that cannot be decoded', () => {
  for (const workers of [0, 2]) {
    test(`is named, whatever was read before, ${workers} workers`, async () => {
      const list = listOf(
        join(folder, 'images'),
        [...Array(12).keys()].map(i => `${i}.${i % 2 === 0 ? 'jpg' : 'png'}`),
      );
      const bad = join(folder, 'images', '9.png');
      copyFileSync(bad, join(folder, 'kept'));
      const order = () => Int32Array.from({ length: 12 }, (_, i) => i);
      const pipeline = openPipeline({ ...options, dataset: fileDataset(list, size), order, workers });
      const readAll = async () => {
        let steps = 0;
        for await (const _ of pipeline.blocks({ epoch: 0, step: 0 }, 0)) steps++;
        return steps;
      };
      writeFileSync(bad, 'no image');
      await assert.rejects(
        readAll,
        (error: unknown) => error instanceof DataError && error.where === bad && !!error.next,
      );
      rmSync(bad);
      await assert.rejects(readAll, (error: unknown) => error instanceof DataError && /missing/.test(error.message));
      copyFileSync(join(folder, 'kept'), bad);
      assert.equal(await readAll(), 3); // the pipeline is as good as new
      await pipeline.close();
    });
  }
});

test('augmentations in an order that has no meaning are refused when the pipeline is opened', () => {
  for (const augment of [
    ['horizontal_flip', 'random_resized_crop'],
    ['random_resized_crop', 'reflect_pad'],
    ['reflect_pad', 'horizontal_flip'],
  ] as const) {
    for (const workers of [0, 1]) {
      assert.throws(() => openPipeline({ ...options, augment, workers }), ConfigError);
    }
  }
});
