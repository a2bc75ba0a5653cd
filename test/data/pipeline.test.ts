import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Dataset, everyRow, sharedBytes, sharedDataset, sharedInt32, subset } from '../../src/data/dataset.js';
import { bundledFashionMnistLt, openIdxSet } from '../../src/data/fashionMnist.js';
import type { Position } from '../../src/data/pipeline/blockPlan.js';
import type { Block } from '../../src/data/pipeline/blockSequence.js';
import type { PipelineOptions } from '../../src/data/pipeline/pipeline.js';
import { openPipeline, readBatches } from '../../src/data/pipeline/pipeline.js';
import { shuffledOrder } from '../../src/data/sampler.js';
import { ConfigError, DataError } from '../../src/errors.js';
import { sha256 } from '../../src/io/hash.js';
import { imageOf } from '../imageOf.js';
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
const orderOf =
  ({ length }: Dataset) =>
  (epoch: number) =>
    shuffledOrder(length, 3, epoch);
const options: PipelineOptions = {
  dataset,
  augment: wholeChain,
  seed: 3,
  batchSize: 8,
  order: orderOf(dataset),
  workers: 1,
};

/** One line per batch of a block. */
function digests({ epoch, step, steps, images, labels, indices }: Block): string[] {
  return Array.from({ length: steps }, (_, i) => {
    const batch = (array: Uint8Array | Int32Array) =>
      array.subarray((i * array.length) / steps, ((i + 1) * array.length) / steps);
    return (
      `${epoch} ${step + i} ${sha256(batch(images) as Uint8Array)} ${batch(labels).join()} ` +
      `${batch(indices).join()}`
    );
  });
}

/** One line per batch from a position to the end of an epoch. */
async function read(
  given: PipelineOptions,
  from: Position = { epoch: 1, step: 0 },
  last = from.epoch,
): Promise<string[]> {
  const pipeline = openPipeline(given);
  const lines: string[] = [];
  for await (const block of pipeline.blocks(from, last)) lines.push(...digests(block));
  await pipeline.close();
  return lines;
}

describe('the batches of an epoch', () => {
  test('are the same for 0, 1, 2 and 3 workers and any prefetch', async () => {
    const expected = await read({ ...options, workers: 0 });
    assert.equal(expected.length, 8);
    for (const workers of [1, 2, 3]) assert.deepEqual(await read({ ...options, workers }), expected);
    for (const prefetch of [1, 7]) assert.deepEqual(await read({ ...options, prefetch }), expected);
    assert.notDeepEqual(await read(options, { epoch: 2, step: 0 }), expected);
  });

  test('are those of the images of a subset', async () => {
    const few = subset(
      dataset,
      Int32Array.from({ length: 40 }, (_, i) => 69 - i),
    );
    const copied = {
      pixels: Uint8Array.from({ length: 40 * 3072 }, (_, i) => imageOf(few, Math.floor(i / 3072))[i % 3072]!),
      rows: everyRow(40),
      labels: Int32Array.from({ length: 40 }, (_, i) => few.label(i)),
    };
    const order = orderOf(few);
    const expected = await read({ ...options, dataset: sharedDataset({ ...few, shared: copied }), order });
    assert.deepEqual(await read({ ...options, dataset: few, order, workers: 2 }), expected);
  });

  test('start at a later step as if the earlier ones had been read', async () => {
    const whole = await read(options);
    assert.deepEqual(await read(options, { epoch: 1, step: 5 }), whole.slice(5));
    assert.deepEqual(await read(options, { epoch: 1, step: 8 }), []);
  });

  test('are followed by those of the next epochs', async () => {
    const epochs = await Promise.all([1, 2, 3].map(epoch => read(options, { epoch, step: 0 })));
    assert.deepEqual(await read(options, { epoch: 1, step: 6 }, 3), epochs.flat().slice(6));
  });

  test('hold the images, labels and indices of the order without augmentation, less the last partial batch', async () => {
    const order = shuffledOrder(70, 0, 0);
    const pipeline = openPipeline({ ...options, augment: [], order: () => order });
    let seen = 0;
    for await (const { step, images, labels, indices } of pipeline.blocks({ epoch: 0, step: 0 }, 0)) {
      assert.equal(step, seen++);
      assert.deepEqual([...indices], [...order.subarray(8 * step, 8 * step + 8)]);
      indices.forEach((index, i) => {
        assert.deepEqual(images.slice(i * 3072, (i + 1) * 3072), imageOf(dataset, index));
        assert.equal(labels[i], index % 5);
      });
    }
    assert.equal(seen, 8);
    await pipeline.close();
  });

  test(
    'augment an image anew each time a sampler repeats it, however many workers there are and wherever ' +
      'reading starts',
    async () => {
      const order = Int32Array.from({ length: 32 }, (_, i) => (i < 16 ? i : 5));
      const imagesOf = async (workers: number, startStep = 0) => {
        const pipeline = openPipeline({ ...options, order: () => order, workers });
        const images: string[] = [];
        for await (const batch of pipeline.blocks({ epoch: 1, step: startStep }, 1))
          for (let i = 0; i < 8; i++) images.push(sha256(batch.images.subarray(i * 3072, (i + 1) * 3072)));
        await pipeline.close();
        return images;
      };
      const images = await imagesOf(0);
      const repeated = [5, ...Array.from({ length: 16 }, (_, i) => 16 + i)].map(place => images[place]);
      assert.ok(new Set(repeated).size > 12, `${new Set(repeated).size} different images of 17`);
      assert.deepEqual(await imagesOf(2), images);
      assert.deepEqual(await imagesOf(0, 3), images.slice(24));
    },
  );

  test('stay as they are until the next one is asked for', async () => {
    for (const workers of [0, 2]) {
      const pipeline = openPipeline({ ...options, workers, prefetch: 3 });
      for await (const block of pipeline.blocks({ epoch: 0, step: 0 }, 1)) {
        const before = digests(block);
        await sleep(5); // the workers fill all that they may
        assert.deepEqual(digests(block), before);
      }
      await pipeline.close();
    }
  });
});

describe('blocks of several batches', () => {
  test('hold the batches of single ones, also across epochs and from the middle of an epoch', async () => {
    const single = await read(options, { epoch: 1, step: 0 }, 2);
    for (const stepsPerBlock of [2, 3, 8, 20]) {
      for (const workers of [0, 2]) {
        const given = { ...options, stepsPerBlock, workers };
        assert.deepEqual(await read(given, { epoch: 1, step: 0 }, 2), single);
        assert.deepEqual(await read(given, { epoch: 1, step: 4 }, 2), single.slice(4));
      }
    }
  });

  test('begin at multiples of their size wherever one starts, and end with the epoch', async () => {
    const pipeline = openPipeline({ ...options, stepsPerBlock: 3 });
    const places: string[] = [];
    for await (const { epoch, step, steps } of pipeline.blocks({ epoch: 1, step: 1 }, 2)) {
      places.push(`${epoch}: ${step} + ${steps}`);
    }
    assert.deepEqual(places, ['1: 1 + 2', '1: 3 + 3', '1: 6 + 2', '2: 0 + 3', '2: 3 + 3', '2: 6 + 2']);
    await pipeline.close();
  });
});

describe('leaving an epoch', () => {
  test('in the middle and starting another one works, again and again', async () => {
    for (const [workers, stepsPerBlock] of [
      [0, 1],
      [1, 1],
      [3, 1],
      [2, 3],
    ] as const) {
      const expected = await read(options, { epoch: 9, step: 0 });
      const pipeline = openPipeline({ ...options, workers, stepsPerBlock });
      for (let epoch = 0; epoch < 9; epoch++) {
        for await (const { step } of pipeline.blocks({ epoch, step: 0 }, 9)) if (step >= epoch % 4) break;
      }
      const lines: string[] = [];
      for await (const block of pipeline.blocks({ epoch: 9, step: 0 }, 9)) lines.push(...digests(block));
      assert.deepEqual(lines, expected);
      await pipeline.close();
    }
  });

  test('by forgetting its iterator does not block the next, and the old one is refused', async () => {
    const expected = await read(options, { epoch: 2, step: 0 });
    const pipeline = openPipeline(options);
    const forgotten = pipeline.blocks({ epoch: 1, step: 0 }, 1);
    await forgotten.next();
    const lines: string[] = [];
    for await (const block of pipeline.blocks({ epoch: 2, step: 0 }, 2)) lines.push(...digests(block));
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
      const order = () => Int32Array.from({ length: 70 }, (_, i) => i);
      const pipeline = openPipeline({ ...options, dataset: broken, order, workers });
      let steps = 0;
      await assert.rejects(
        async () => {
          for await (const _ of pipeline.blocks({ epoch: 0, step: 0 }, 0)) steps++;
        },
        (error: unknown) => error instanceof DataError && /Image 33 has no pixels/.test(error.message),
      );
      assert.equal(steps, 4);
      await pipeline.close();
    });
  }

  test('rejects a batch that is awaited while it is closed', async () => {
    const pipeline = openPipeline(options);
    const rejection = assert.rejects(pipeline.blocks({ epoch: 0, step: 0 }, 0).next(), DataError);
    await pipeline.close();
    await rejection;
  });

  test('refuses an order with an index outside of the set', async () => {
    const pipeline = openPipeline({ ...options, order: () => new Int32Array(8).fill(70) });
    await assert.rejects(pipeline.blocks({ epoch: 0, step: 0 }, 0).next(), RangeError);
    await pipeline.close();
  });

  test('refuses fewer images than one batch', async () => {
    const pipeline = openPipeline({ ...options, batchSize: 71 });
    await assert.rejects(
      pipeline.blocks({ epoch: 0, step: 0 }, 0).next(),
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
    const { openPipeline } = await import(${JSON.stringify(new URL('../../src/data/pipeline/pipeline.js', import.meta.url))});
    const { train } = openIdxSet(bundledFashionMnistLt());
    const order = () => Int32Array.from({ length: train.length }, (_, i) => i);
    const pipeline = openPipeline({ dataset: train, augment: ['random_crop'], seed: 0, batchSize: 64, order, workers: 2 });
    for await (const { step } of pipeline.blocks({ epoch: 0, step: 0 }, 0)) if (step === 2) break;
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
    const sizes: number[] = [];
    let next = 0;
    for await (const { step, images, labels, indices } of readBatches(dataset, 32)) {
      assert.equal(step, sizes.length);
      assert.equal(images.length, indices.length * 3072);
      sizes.push(indices.length);
      indices.forEach((index, i) => {
        assert.equal(index, next++);
        assert.equal(labels[i], index % 5);
        assert.deepEqual(images.slice(i * 3072, (i + 1) * 3072), imageOf(dataset, index));
      });
    }
    assert.deepEqual(sizes, [32, 32, 6]);
  });
});
