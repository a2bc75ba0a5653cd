import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { classCounts, type Dataset, indexHash, subset } from '../../src/data/dataset.js';
import { bundledFashionMnistLt, openIdxSet } from '../../src/data/fashionMnist.js';
import { holdOut, longTailedCounts, longTailedIndices } from '../../src/data/longTail.js';
import { ConfigError } from '../../src/errors.js';
import { imageOf } from '../imageOf.js';

/** Labels 0, 1, … C−1, 0, 1, … with `each` images a class. */
function balanced(classes: number, each: number): Pick<Dataset, 'length' | 'label' | 'classNames'> {
  return {
    length: classes * each,
    label: index => index % classes,
    classNames: Array.from({ length: classes }, (_, c) => `name${c}`),
  };
}
const sum = (values: Int32Array) => values.reduce((a, b) => a + b, 0);
const cifar = balanced(100, 500);

describe('a long-tailed subset', () => {
  test('has the published totals of CIFAR100-LT', () => {
    for (const [factor, total] of [
      [200, 9502],
      [100, 10847],
      [50, 12608],
      [10, 19573],
    ] as const) {
      const counts = longTailedCounts(100, 500, factor);
      assert.equal(sum(counts), total);
      assert.equal(counts[0], 500);
      assert.equal(counts[99], Math.floor(500 / factor));
      const indices = longTailedIndices(cifar, factor, 0);
      assert.equal(indices.length, total);
      assert.deepEqual(classCounts({ ...cifar, length: total, label: i => cifar.label(indices[i]!) }), counts);
    }
  });

  test('counts a product that is whole up to rounding as that number', () => {
    // 512 · (1/512)^(5/9) is 16 exactly, but 15.999999999999998 in float64.
    assert.deepEqual([...longTailedCounts(4, 1000, 1000)], [1000, 100, 10, 1]);
    assert.deepEqual([...longTailedCounts(10, 512, 512)], [512, 256, 128, 64, 32, 16, 8, 4, 2, 1]);
  });

  test('is sorted, without repeats, fixed by its seed and other for another seed', () => {
    const indices = longTailedIndices(cifar, 100, 3);
    assert.ok(indices.every((index, i) => i === 0 || indices[i - 1]! < index));
    assert.equal(indexHash(longTailedIndices(cifar, 100, 3)), indexHash(indices));
    assert.notEqual(indexHash(longTailedIndices(cifar, 100, 4)), indexHash(indices));
  });

  test('is the one that earlier versions drew', () => {
    assert.equal(
      indexHash(longTailedIndices(cifar, 100, 0)),
      '87619bf7dce88ade62898a31dda38ea4faf84b2d8e1edf50fd65492daa669b8b',
    );
  });

  test('of a larger imbalance factor lies within that of a smaller one', () => {
    const larger = new Set(longTailedIndices(cifar, 10, 1));
    assert.ok(longTailedIndices(cifar, 200, 1).every(index => larger.has(index)));
  });

  test('of imbalance factor 1 is every image', () => {
    assert.deepEqual(
      longTailedIndices(balanced(3, 2), 1, 9),
      Int32Array.from({ length: 6 }, (_, i) => i),
    );
  });

  test('that leaves a class empty is refused with the class', () => {
    assert.throws(
      () => longTailedIndices(cifar, 501, 0),
      (error: unknown) =>
        error instanceof ConfigError && /class 99 \(name99\)/.test(error.where!) && /at most 500/.test(error.next!),
    );
  });

  test('of a set that is long-tailed already is refused where images are missing', () => {
    const { train } = openIdxSet(bundledFashionMnistLt());
    assert.equal(longTailedIndices(train, 100, 0).length, train.length);
    assert.throws(
      () => longTailedIndices(train, 10, 0),
      (error: unknown) => error instanceof ConfigError && /class 1 \(Trouser\)/.test(error.where!),
    );
  });

  test('has a hash of the little-endian int32 indices', () => {
    // sha256 of 01000000 00010000, computed with coreutils.
    assert.equal(indexHash(Int32Array.of(1, 256)), '242045e2f1bb37769b514f182fd91b3d215324cb57f187cced1e9c62921dbac3');
  });
});

describe('a held-out part', () => {
  const { train } = openIdxSet(bundledFashionMnistLt());

  test('takes its fraction of each class, at least one and never all', () => {
    const { kept, heldOut } = holdOut(train, 0.1, 0);
    assert.deepEqual([...classCounts(subset(train, heldOut))], [50, 30, 18, 11, 6, 4, 2, 1, 1, 1]);
    assert.deepEqual(
      [...kept, ...heldOut].sort((a, b) => a - b),
      Array.from({ length: train.length }, (_, i) => i),
    );
    const most = holdOut(train, 0.99, 0);
    assert.equal(classCounts(subset(train, most.kept))[9], 1);
  });

  test('is the one that earlier versions held out', () => {
    const indices = longTailedIndices(cifar, 100, 0);
    const longTailed = { ...cifar, length: indices.length, label: (i: number) => cifar.label(indices[i]!) };
    assert.equal(
      indexHash(holdOut(longTailed, 0.1, 0).heldOut),
      '01e08a9196a765eb439b3502df151375266548e2599610f89f53e0e7f3bb5488',
    );
  });

  test('leaves a class of one image whole', () => {
    const labels = [0, 0, 0, 1];
    const { kept, heldOut } = holdOut({ length: 4, label: i => labels[i]!, classNames: ['a', 'b'] }, 0.5, 0);
    assert.equal(heldOut.length, 2);
    assert.ok(kept.includes(3));
  });

  test('outside of 0 … 1 is refused', () => {
    assert.throws(() => holdOut(train, 1, 0), ConfigError);
    assert.throws(() => holdOut(train, Number.NaN, 0), ConfigError);
  });
});

describe('a subset', () => {
  const { train } = openIdxSet(bundledFashionMnistLt());

  test('gives the chosen images and labels, also of a subset', () => {
    const nested = subset(subset(train, Int32Array.of(5, 900, 7)), Int32Array.of(2, 1));
    for (const [i, original] of [7, 900].entries()) {
      assert.deepEqual(imageOf(nested, i), imageOf(train, original));
      assert.equal(nested.label(i), train.label(original));
    }
    assert.equal(nested.length, 2);
    assert.notEqual(nested.fingerprint, train.fingerprint);
  });

  test('refuses an index outside of the set', () => {
    assert.throws(() => subset(train, Int32Array.of(1236)), RangeError);
  });
});
