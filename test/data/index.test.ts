import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { classCounts } from '../../src/data/dataset.js';
import { bundledFashionMnistLt } from '../../src/data/fashionMnist.js';
import { openDatasets } from '../../src/data/index.js';
import { DataError } from '../../src/errors.js';
import { sharedPath } from '../shared.js';

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
    assert.match(await whereOf('/root', '/option', '/environment'), /looked in \/option and/);
    assert.match(await whereOf('/root', undefined, '/environment'), /looked in \/environment and/);
    assert.match(await whereOf('/root', undefined, undefined), /looked in \/root and/);
    assert.match(await whereOf('/root', undefined, ''), /looked in \/root and/);
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
