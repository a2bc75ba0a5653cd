import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dataset } from '../../src/data/dataset.js';
import { bundledFashionMnistLt, openIdxSet } from '../../src/data/fashionMnist.js';
import { subset } from '../../src/data/longTail.js';
import type { Batch, PipelineOptions } from '../../src/data/pipeline.js';
import { openPipeline, readBatches } from '../../src/data/pipeline.js';
import { shuffledOrder } from '../../src/data/sampler.js';
import { everyRow, sharedBytes, sharedDataset, sharedInt32 } from '../../src/data/sharedDataset.js';
import { ConfigError, DataError } from '../../src/errors.js';
import { sha256 } from '../../src/io/hash.js';
import { formulaImage } from './augment/formulaImage.js';

const imageShape = { height: 32, width: 32, channels: 3 };
const wholeChain = ['random_crop', 'horizontal_flip', 'autoaugment_cifar10', 'cutout'] as const;

/** RGB images that differ by one byte offset each; label = index mod 5. */
function formulaDataset(length: number): Dataset {
  const pixels = sharedBytes(length * 3072);
  const labels = sharedInt32(length);
  const base = formulaImage(imageShape);
  for (let i = 0; i < length; i++) {
    labels[i] = i % 5;
    for (let j = 0; j < 3072; j++) pixels[i * 3072 + j] = base[j]! + 3 * i;
  }
  return sharedDataset({
    name: 'formula',
    classNames: ['a', 'b', 'c', 'd', 'e'],
    imageShape,
    shared: { pixels, rows: everyRow(length), labels },
    fingerprint: '',
  });
}

const dataset = formulaDataset(70);
const options: PipelineOptions = { dataset, augment: wholeChain, seed: 3, batchSize: 8, workers: 1 };

const digest = ({ step, images, labels, indices }: Batch) =>
  `${step} ${sha256(images)} ${labels.join()} ${indices.join()}`;

/** One line per batch of an epoch. */
async function digests(given: PipelineOptions, epoch = 1, startStep = 0): Promise<string[]> {
  const pipeline = openPipeline(given);
  const lines: string[] = [];
  for await (const batch of pipeline.epoch(epoch, shuffledOrder(given.dataset.length, 3, epoch), startStep)) {
    lines.push(digest(batch));
  }
  await pipeline.close();
  return lines;
}

describe('the batches of an epoch', () => {
  test('are the same for 0, 1, 2 and 3 workers and any prefetch', async () => {
    const expected = await digests({ ...options, workers: 0 });
    assert.equal(expected.length, 8);
    for (const workers of [1, 2, 3]) assert.deepEqual(await digests({ ...options, workers }), expected);
    for (const prefetch of [1, 7]) assert.deepEqual(await digests({ ...options, prefetch }), expected);
    assert.notDeepEqual(await digests(options, 2), expected);
  });

  test('are the same for a subset and for a dataset outside of shared memory', async () => {
    const few = subset(
      dataset,
      Int32Array.from({ length: 40 }, (_, i) => 69 - i),
    );
    const { shared: _, ...elsewhere } = few;
    const slow = { ...elsewhere, image: async (i: number, into: Uint8Array) => few.image(i, into) };
    const expected = await digests({ ...options, dataset: few });
    assert.deepEqual(await digests({ ...options, dataset: slow, workers: 2 }), expected);
  });

  test('start at a later step as if the earlier ones had been read', async () => {
    const whole = await digests(options);
    assert.deepEqual(await digests(options, 1, 5), whole.slice(5));
    assert.deepEqual(await digests(options, 1, 8), []);
  });

  test('hold the images, labels and indices of the order without augmentation, less the last partial batch', async () => {
    const order = shuffledOrder(70, 0, 0);
    const pipeline = openPipeline({ ...options, augment: [] });
    const image = new Uint8Array(3072);
    let seen = 0;
    for await (const { step, images, labels, indices } of pipeline.epoch(0, order)) {
      assert.equal(step, seen++);
      assert.deepEqual([...indices], [...order.subarray(8 * step, 8 * step + 8)]);
      indices.forEach((index, i) => {
        dataset.image(index, image);
        assert.deepEqual(images.slice(i * 3072, (i + 1) * 3072), image);
        assert.equal(labels[i], index % 5);
      });
    }
    assert.equal(seen, 8);
    await pipeline.close();
  });

  test('augment an image anew each time a sampler repeats it, however many workers there are and wherever reading starts', async () => {
    const order = Int32Array.from({ length: 32 }, (_, i) => (i < 16 ? i : 5));
    const imagesOf = async (workers: number, startStep = 0) => {
      const pipeline = openPipeline({ ...options, workers });
      const images: string[] = [];
      for await (const batch of pipeline.epoch(1, order, startStep))
        for (let i = 0; i < 8; i++) images.push(sha256(batch.images.subarray(i * 3072, (i + 1) * 3072)));
      await pipeline.close();
      return images;
    };
    const images = await imagesOf(0);
    const repeated = [5, ...Array.from({ length: 16 }, (_, i) => 16 + i)].map(place => images[place]);
    assert.ok(new Set(repeated).size > 12, `${new Set(repeated).size} different images of 17`);
    assert.deepEqual(await imagesOf(2), images);
    assert.deepEqual(await imagesOf(0, 3), images.slice(24));
  });

  test('stay as they are until the next one is asked for', async () => {
    for (const workers of [0, 2]) {
      const pipeline = openPipeline({ ...options, workers, prefetch: 3 });
      for await (const batch of pipeline.epoch(0, shuffledOrder(70, 0, 0))) {
        const before = digest(batch);
        await sleep(5); // the workers fill all that they may
        assert.equal(digest(batch), before);
      }
      await pipeline.close();
    }
  });
});

describe('leaving an epoch', () => {
  test('in the middle and starting another one works, again and again', async () => {
    for (const workers of [0, 1, 3]) {
      const expected = await digests(options, 9);
      const pipeline = openPipeline({ ...options, workers });
      for (let epoch = 0; epoch < 9; epoch++) {
        for await (const { step } of pipeline.epoch(epoch, shuffledOrder(70, 3, epoch))) if (step === epoch % 4) break;
      }
      const lines: string[] = [];
      for await (const batch of pipeline.epoch(9, shuffledOrder(70, 3, 9))) lines.push(digest(batch));
      assert.deepEqual(lines, expected);
      await pipeline.close();
    }
  });

  test('by forgetting its iterator does not block the next, and the old one is refused', async () => {
    const expected = await digests(options, 2);
    const pipeline = openPipeline(options);
    const forgotten = pipeline.epoch(1, shuffledOrder(70, 3, 1));
    await forgotten.next();
    const lines: string[] = [];
    for await (const batch of pipeline.epoch(2, shuffledOrder(70, 3, 2))) lines.push(digest(batch));
    assert.deepEqual(lines, expected);
    await assert.rejects(forgotten.next(), DataError);
    await pipeline.close();
  });
});

describe('a pipeline that cannot go on', () => {
  const shared = dataset.shared!;
  const rows = shared.rows.slice();
  rows[33] = 70; // one past the last
  const broken = sharedDataset({ ...dataset, shared: { ...shared, rows } });

  for (const workers of [0, 2]) {
    test(`rejects with the image when it has no pixels, ${workers} workers`, async () => {
      const pipeline = openPipeline({ ...options, dataset: broken, workers });
      const order = Int32Array.from({ length: 70 }, (_, i) => i);
      let steps = 0;
      await assert.rejects(
        async () => {
          for await (const _ of pipeline.epoch(0, order)) steps++;
        },
        (error: unknown) => error instanceof DataError && /Image 33 has no pixels/.test(error.message),
      );
      assert.equal(steps, 4);
      await pipeline.close();
    });
  }

  test('rejects a batch that is awaited while it is closed', async () => {
    const pipeline = openPipeline(options);
    const batches = pipeline.epoch(0, shuffledOrder(70, 0, 0));
    const rejection = assert.rejects(batches.next(), DataError);
    await pipeline.close();
    await rejection;
  });

  test('refuses an order with an index outside of the set', async () => {
    const pipeline = openPipeline(options);
    await assert.rejects(pipeline.epoch(0, new Int32Array(8).fill(70)).next(), RangeError);
    await pipeline.close();
  });

  test('refuses fewer images than one batch', async () => {
    const pipeline = openPipeline({ ...options, batchSize: 71 });
    await assert.rejects(
      pipeline.epoch(0, shuffledOrder(70, 0, 0)).next(),
      (error: unknown) => error instanceof ConfigError && error.where === 'train.batch_size',
    );
    await pipeline.close();
  });

  test('refuses AutoAugment on gray images when it is opened', () => {
    const { train } = openIdxSet(bundledFashionMnistLt());
    for (const workers of [0, 1]) {
      assert.throws(() => openPipeline({ ...options, dataset: train, workers }), ConfigError);
    }
  });
});

test('a process ends once its pipeline is closed, also with batches under way', () => {
  const script = `
    const { openIdxSet, bundledFashionMnistLt } = await import(${JSON.stringify(new URL('../../src/data/fashionMnist.js', import.meta.url))});
    const { openPipeline } = await import(${JSON.stringify(new URL('../../src/data/pipeline.js', import.meta.url))});
    const { train } = openIdxSet(bundledFashionMnistLt());
    const order = Int32Array.from({ length: train.length }, (_, i) => i);
    const pipeline = openPipeline({ dataset: train, augment: ['random_crop'], seed: 0, batchSize: 64, workers: 2 });
    for await (const batch of pipeline.epoch(0, order)) if (batch.step === 2) break;
    await pipeline.close();
    console.log('closed');`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 60_000, // only so that a failure does not hang the test
  });
  assert.equal(stderr, '');
  assert.equal(stdout, 'closed\n');
  assert.equal(status, 0);
});

describe('reading for evaluation', () => {
  test('gives every image once, in order, the last batch being smaller', async () => {
    const image = new Uint8Array(3072);
    const sizes: number[] = [];
    let next = 0;
    for await (const { step, images, labels, indices } of readBatches(dataset, 32)) {
      assert.equal(step, sizes.length);
      assert.equal(images.length, indices.length * 3072);
      sizes.push(indices.length);
      indices.forEach((index, i) => {
        assert.equal(index, next++);
        assert.equal(labels[i], index % 5);
        dataset.image(index, image);
        assert.deepEqual(images.slice(i * 3072, (i + 1) * 3072), image);
      });
    }
    assert.deepEqual(sizes, [32, 32, 6]);
  });
});
