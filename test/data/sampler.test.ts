import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSampler, shuffledOrder } from '../../src/data/sampler.js';

test('an epoch visits every image once, in an order of its own', () => {
  const order = shuffledOrder(1000, 0, 1);
  const inOrder = Int32Array.from({ length: 1000 }, (_, i) => i);
  assert.deepEqual(order.slice().sort(), inOrder);
  assert.notDeepEqual(order, inOrder);
  assert.deepEqual(shuffledOrder(1000, 0, 1), order);
  assert.notDeepEqual(shuffledOrder(1000, 0, 2), order);
  assert.notDeepEqual(shuffledOrder(1000, 1, 1), order);
});

test('the place of an image is uniform over epochs', () => {
  const counts = new Int32Array(4);
  for (let epoch = 0; epoch < 4000; epoch++) counts[shuffledOrder(4, 5, epoch).indexOf(2)]!++;
  // 1000 expected, standard deviation 27.
  assert.ok(
    counts.every(count => Math.abs(count - 1000) < 140),
    String(counts),
  );
});

/** 160 images of class 0, 40 of class 1, none of class 2, 3 of class 3, in mixed order. */
const labels = shuffledOrder(203, 1, 1).map(i => (i < 160 ? 0 : i < 200 ? 1 : 3));
const longTailed = {
  length: labels.length,
  label: (i: number) => labels[i]!,
  classNames: ['many', 'medium', 'none', 'few'],
};
const usesOf = (order: Int32Array) => {
  const uses = new Int32Array(labels.length);
  for (const index of order) uses[index]!++;
  return uses;
};
const perClass = (order: Int32Array) => {
  const counts = [0, 0, 0, 0];
  for (const index of order) counts[labels[index]!]!++;
  return counts;
};

for (const [name, first] of [
  ['shuffled', [166, 6, 127, 162, 129, 184, 18, 0]],
  ['class_aware', [12, 53, 140, 52, 159, 88, 67, 67]],
  ['class_balanced', [17, 117, 38, 15, 58, 84, 26, 88]],
] as const) {
  test(`the order of ${name} is a function of seed and epoch and as long as the set`, () => {
    const order = createSampler(name, longTailed, 7)(3);
    assert.equal(order.length, labels.length);
    assert.deepEqual([...order.subarray(0, first.length)], first, 'not the order of earlier versions');
    assert.deepEqual(createSampler(name, longTailed, 7)(3), order);
    assert.notDeepEqual(createSampler(name, longTailed, 7)(4), order);
    assert.notDeepEqual(createSampler(name, longTailed, 8)(3), order);
  });
}

test('class-aware sampling draws four images of one class at a time and every class equally often', () => {
  const sampler = createSampler('class_aware', longTailed, 0);
  for (const epoch of [1, 2, 3]) {
    const order = sampler(epoch);
    for (let start = 0; start + 4 <= order.length; start += 4) {
      const drawn = [...order.subarray(start, start + 4)];
      assert.equal(new Set(drawn.map(index => labels[index])).size, 1);
    }
    // 50 whole draws and 3 images: 17, 17 and 16 or 17 draws a class.
    const [many, medium, none, few] = perClass(order);
    assert.equal(none, 0);
    for (const count of [many!, medium!, few!]) assert.ok(count >= 64 && count <= 68, String(count));
  }
});

test(
  'class-aware sampling uses the images of a class in shuffled rounds: no image twice before each was ' + 'used once',
  () => {
    const uses = usesOf(createSampler('class_aware', longTailed, 0)(1));
    for (const klass of [0, 1, 3]) {
      const ofClass = [...uses].filter((_, index) => labels[index] === klass);
      assert.ok(Math.max(...ofClass) - Math.min(...ofClass) <= 1, `class ${klass}: ${ofClass}`);
    }
    const epochs = [1, 2].map(epoch => usesOf(createSampler('class_aware', longTailed, 0)(epoch)).toString());
    assert.notEqual(epochs[0], epochs[1], 'another epoch takes other images of the large class');
  },
);

test('class-balanced sampling draws classes uniformly, and images uniformly within a class', () => {
  const sampler = createSampler('class_balanced', longTailed, 0);
  const uses = new Int32Array(labels.length);
  const counts = [0, 0, 0, 0];
  const epochs = 300;
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const order = sampler(epoch);
    usesOf(order).forEach((count, index) => {
      uses[index]! += count;
    });
    perClass(order).forEach((count, klass) => {
      counts[klass]! += count;
    });
  }
  // 20,300 of each class expected, standard deviation 116.
  assert.equal(counts[2], 0);
  for (const klass of [0, 1, 3]) assert.ok(Math.abs(counts[klass]! - 20_300) < 600, String(counts));
  for (const [klass, images] of [
    [0, 160],
    [1, 40],
    [3, 3],
  ] as const) {
    const expected = 20_300 / images;
    const ofClass = [...uses].filter((_, index) => labels[index] === klass);
    assert.ok(
      ofClass.every(count => Math.abs(count - expected) < 6 * Math.sqrt(expected)),
      `class ${klass}: ${ofClass}`,
    );
  }
});
