import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { OperationName } from '../../../src/data/augment/autoaugmentCifar10.js';
import { autoaugmentCifar10, operations, subPolicies } from '../../../src/data/augment/autoaugmentCifar10.js';
import { makeScratch } from '../../../src/data/augment/operation.js';
import { ConfigError } from '../../../src/errors.js';
import { sha256 } from '../../../src/io/hash.js';
import { randomFor } from '../../../src/random.js';
import { sharedPath } from '../../shared.js';
import { formulaImage } from './formulaImage.js';

const shape = { height: 32, width: 32, channels: 3 };
const scratch = makeScratch(shape);

interface Case {
  op: OperationName;
  level: number;
  sign: number;
  magnitude: number;
  source: number;
  offset: number;
}

const goldenJson = sharedPath('golden', 'autoaugment_ops.json');
const goldenBytes = sharedPath('golden', 'autoaugment_ops.u8');
const haveGolden = goldenJson !== undefined && goldenBytes !== undefined;

describe('the operations of AutoAugment', () => {
  test('equal Pillow byte for byte at every level and sign', {
    skip: !haveGolden && 'no ../shared/golden/autoaugment_ops beside the checkout',
  }, () => {
    const golden: { sources: number[]; cases: Case[] } = JSON.parse(readFileSync(goldenJson!, 'utf8'));
    const bytes = readFileSync(goldenBytes!);
    const at = (offset: number) => new Uint8Array(bytes.subarray(offset, offset + 3072));
    assert.equal(golden.cases.length, 880);
    assert.deepEqual([...new Set(golden.cases.map(({ op }) => op))].sort(), Object.keys(operations).sort());
    for (const { op, level, sign, magnitude, source, offset } of golden.cases) {
      const operation = operations[op];
      const name = `${op} level ${level} sign ${sign} source ${source}`;
      assert.ok(Math.abs(operation.magnitude(level) - magnitude) <= 1e-12, name);
      const image = at(golden.sources[source]!);
      operation.apply(image, shape, sign * operation.magnitude(level), scratch);
      assert.deepEqual(image, at(offset), name);
    }
  });

  test('give the recorded outputs on a formula image', () => {
    // Recorded from the code that passed the test above, for checkouts without the golden files.
    const outputs: Uint8Array[] = [];
    for (const operation of Object.values(operations)) {
      for (let level = 0; level < 10; level++) {
        for (const sign of operation.signed ? [-1, 1] : [1]) {
          const image = formulaImage(shape);
          operation.apply(image, shape, sign * operation.magnitude(level), scratch);
          outputs.push(image);
        }
      }
    }
    assert.equal(outputs.length, 220);
    assert.equal(sha256(...outputs), 'd2d6702d4dade68a2f0e53033e9e11fbe1bfc8b7e29ac01548838445876c187e');
  });

  test('leave a one-coloured image as it is where there is nothing to stretch', () => {
    for (const name of ['autocontrast', 'equalize', 'sharpness', 'color'] as const) {
      const image = new Uint8Array(3072).fill(77);
      operations[name].apply(image, shape, 0.9, scratch);
      assert.ok(
        image.every(byte => byte === 77),
        name,
      );
    }
  });
});

describe('the CIFAR-10 policy', () => {
  test('has 25 sub-policies of two steps with known operations', () => {
    assert.equal(subPolicies.length, 25);
    for (const [probability, name, level] of subPolicies.flat()) {
      assert.ok(probability >= 0 && probability <= 1 && level >= 0 && level <= 9 && name in operations);
    }
  });

  test('changes an image the same way for equal random streams only', () => {
    const transform = autoaugmentCifar10(shape);
    const run = (index: number) => {
      const image = formulaImage(shape);
      transform(image, randomFor('augment', 0, 1, index));
      return sha256(image);
    };
    const first = Array.from({ length: 200 }, (_, i) => run(i));
    assert.deepEqual(
      Array.from({ length: 200 }, (_, i) => run(i)),
      first,
    );
    assert.ok(new Set(first).size > 40, `${new Set(first).size} different results`);
  });

  test('leaves alone the share of images that its probabilities say', () => {
    // An image comes out unchanged if no step applies (mean over sub-policies of (1−p1)(1−p2)) or the steps do
    // nothing to it; invert at 0.0, color and autocontrast at level 0 etc. make the share an interval.
    const transform = autoaugmentCifar10(shape);
    const original = sha256(formulaImage(shape));
    let unchanged = 0;
    const draws = 5000;
    for (let i = 0; i < draws; i++) {
      const image = formulaImage(shape);
      transform(image, randomFor('share', i));
      if (sha256(image) === original) unchanged++;
    }
    const none = subPolicies.reduce((sum, [[p1], [p2]]) => sum + (1 - p1) * (1 - p2), 0) / subPolicies.length;
    assert.ok(unchanged / draws > none - 0.03 && unchanged / draws < none + 0.08, `${unchanged / draws}, none ${none}`);
  });

  test('refuses gray images', () => {
    assert.throws(
      () => autoaugmentCifar10({ height: 28, width: 28, channels: 1 }),
      (error: unknown) =>
        error instanceof ConfigError && /1 channel/.test(error.message) && /data\.augment/.test(error.where!),
    );
  });
});
