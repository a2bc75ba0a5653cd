import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { classCounts } from '../../src/data/dataset.js';
import { bundledFashionMnistLt } from '../../src/data/fashionMnist.js';
import { openDatasets } from '../../src/data/index.js';
import { ConfigError, DataError } from '../../src/errors.js';
import { sharedPath } from '../shared.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { idxFile } from './idxFile.js';
import { folderTree, writeTree } from './imageTrees.js';

const bundled = {
  dataset: 'fashion_mnist_lt' as const,
  imbalance_factor: 1,
  subset_seed: 0,
  augment: [],
  workers: 0,
};
const cifar100 = { ...bundled, dataset: 'cifar100' as const, imbalance_factor: 100 };

describe('opening the bundled set', () => {
  test('needs no folder and says that GALA_DATA is not used', async () => {
    const opened = await openDatasets(bundled, { environment: { GALA_DATA: '/elsewhere' } });
    assert.deepEqual([...opened.counts], [500, 299, 179, 107, 64, 38, 23, 13, 8, 5]);
    assert.equal(opened.root, bundledFashionMnistLt());
    assert.equal(opened.test.length, 2000);
    assert.equal(opened.mean.length, 1);
    assert.equal(opened.val, undefined);
    assert.match(opened.notes.join(), /GALA_DATA \(\/elsewhere\) is not used/);
    assert.deepEqual((await openDatasets(bundled, { environment: {} })).notes, []);
  });

  test('with a held-out part recounts the classes', async () => {
    const whole = await openDatasets(bundled, { environment: {} });
    const opened = await openDatasets(bundled, { environment: {}, heldOutFraction: 0.2 });
    assert.deepEqual([...classCounts(opened.val!)], [100, 60, 36, 21, 13, 8, 5, 3, 2, 1]);
    assert.deepEqual(
      [...opened.counts],
      [...whole.counts].map((count, c) => count - classCounts(opened.val!)[c]!),
    );
    assert.equal(opened.subsetHash, whole.subsetHash);
    assert.match(opened.heldOutHash!, /^[0-9a-f]{64}$/);
  });

  test('reads another folder of idx files where one is given', async () => {
    await assert.rejects(openDatasets(bundled, { dataRoot: '/absent', environment: {} }), DataError);
    await assert.rejects(openDatasets({ ...bundled, root: '/absent' }, { environment: {} }), DataError);
  });
});

test('a batch larger than the training set is refused before an image is decoded', async () => {
  const root = temporaryFolder();
  await writeTree(root, folderTree(3));
  writeFileSync(join(root, 'train', 'class0', '001.jpg'), 'no image');
  const images = { ...bundled, dataset: 'image_folder' as const };
  const open = (batchSize: number) =>
    openDatasets(images, { dataRoot: root, heldOutFraction: 0.1, check: ['train'], batchSize });
  // 12 + 6 + 4 training images, of which one of each class is held out.
  await assert.rejects(open(20), (error: unknown) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /A batch of 20 images is larger than the training set of 19/);
    return true;
  });
  await assert.rejects(open(19), DataError);
});

describe('the normalisation', () => {
  test('is that of the dataset, or that of the config', async () => {
    assert.deepEqual((await openDatasets(bundled)).mean, [0.286]);
    const { mean, std } = await openDatasets({ ...bundled, normalisation: { mean: [0.5], std: [0.25] } });
    assert.deepEqual([mean, std], [[0.5], [0.25]]);
  });

  test('of another number of channels is refused with the numbers of the dataset', async () => {
    await assert.rejects(
      openDatasets({ ...bundled, normalisation: { mean: [0.5], std: [0.2, 0.2, 0.2] } }),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, /std has 3 numbers, but the images have 1 channel/);
        assert.match(error.next!, /std: \[0.353\]/);
        return true;
      },
    );
  });
});

describe('a set that cannot be trained on', () => {
  const folder = temporaryFolder();
  /** Writes idx files of 4×4 images with the given labels, and opens them. */
  const open = (train: readonly number[], testLabels: readonly number[], side = 4, heldOutFraction?: number) => {
    for (const [prefix, labels] of [
      ['train', train],
      ['t10k', testLabels],
    ] as const) {
      const pixels = new Uint8Array(labels.length * side * side);
      writeFileSync(join(folder, `${prefix}-images-idx3-ubyte`), idxFile([labels.length, side, side], pixels));
      writeFileSync(join(folder, `${prefix}-labels-idx1-ubyte`), idxFile([labels.length], Uint8Array.from(labels)));
    }
    return openDatasets(bundled, { dataRoot: folder, environment: {}, ...(heldOutFraction && { heldOutFraction }) });
  };
  const rejected = async (opening: ReturnType<typeof open>, message: RegExp, next: RegExp) => {
    const error = await opening.then(
      () => assert.fail('no error'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof DataError, String(error));
    assert.match(error.message, message);
    assert.ok(error.where!.includes(folder));
    assert.match(error.next!, next);
  };
  const every = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

  test('for want of images in a split', async () => {
    await rejected(open([], every), /^The training split has no image\.$/, /complete copy/);
    await rejected(open(every, []), /^The test split has no image\.$/, /complete copy/);
  });

  test('for want of a class, which is named', async () => {
    await rejected(
      open([...every.slice(0, 3), ...every.slice(4)], every),
      /^Class 3 \(Dress\) has no training image\.$/,
      /at least one/,
    );
    assert.deepEqual(
      [...(await open(every, [0, 0])).counts],
      every.map(() => 1),
    );
  });

  test('for want of pixels', () =>
    rejected(open(every, every, 0), /^The images have 0 × 0 pixels\.$/, /fetch it again/));

  test('for want of anything that could be held out', () =>
    rejected(open(every, every, 4, 0.1), /^No class has two training images/, /select_on to last or test/));
});

describe('the folder of CIFAR', () => {
  const whereOf = async (root: string | undefined, dataRoot: string | undefined, GALA_DATA: string | undefined) => {
    try {
      await openDatasets(root === undefined ? cifar100 : { ...cifar100, root }, {
        dataRoot,
        environment: { GALA_DATA },
      });
    } catch (error) {
      assert.ok(error instanceof DataError);
      return error.where!;
    }
    return assert.fail('no error');
  };

  test('is --data before GALA_DATA before data.root', async () => {
    assert.equal(await whereOf('/no/root', '/no/option', '/no/environment'), '/no/option');
    assert.equal(await whereOf('/no/root', undefined, '/no/environment'), '/no/environment');
    assert.equal(await whereOf('/no/root', undefined, undefined), '/no/root');
    assert.equal(await whereOf('/no/root', undefined, ''), '/no/root');
  });

  test('given nowhere is an error that names the three places', async () => {
    assert.match(await whereOf(undefined, undefined, undefined), /--data, GALA_DATA nor data\.root/);
  });
});

const real = sharedPath('data', 'cifar-100-binary');
test('CIFAR100-LT has 10,847 training and 10,000 test images at imbalance factor 100', {
  skip: real === undefined && 'no ../shared/data/cifar-100-binary beside the checkout',
}, async () => {
  const opened = await openDatasets(cifar100, { dataRoot: real, environment: {} });
  assert.equal(opened.train.length, 10_847);
  assert.equal(opened.test.length, 10_000);
  assert.equal(opened.counts[0], 500);
  assert.equal(opened.counts[99], 5);
  assert.equal(opened.trainFull.length, 50_000);
  assert.deepEqual(opened.std, [0.2023, 0.1994, 0.201]);
});
