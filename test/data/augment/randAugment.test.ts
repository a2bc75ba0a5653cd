import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Interpolation } from '../../../src/data/augment/affine.js';
import { brightness, color, colorJitter, contrast } from '../../../src/data/augment/colorOperations.js';
import { makeScratch } from '../../../src/data/augment/operation.js';
import { randAugment, randAugmentOperations } from '../../../src/data/augment/randAugment.js';
import { ConfigError } from '../../../src/errors.js';
import { randomFor } from '../../../src/random.js';
import { describeUnless } from '../../shared.js';
import type { GoldenOutput } from '../images/golden.js';
import { bytesOf, differenceFrom, goldenJson, outputs, skipped } from '../images/golden.js';
import { formulaImage } from './formulaImage.js';

interface Case extends GoldenOutput {
  readonly op: keyof typeof randAugmentOperations;
  readonly level: number | null;
  readonly sign?: number;
  readonly interpolation?: Interpolation;
}

describeUnless(skipped, 'the operations of RandAugment', () => {
  const { source, cases } =
    skipped === false
      ? goldenJson<{ source: GoldenOutput; cases: Case[] }>('randaugment.json')
      : { source: undefined, cases: [] };
  const shape = { height: 224, width: 224, channels: 3 };
  const scratch = makeScratch(shape);

  for (const output of cases) {
    const { op, level, sign = 1, interpolation = 'bilinear' } = output;
    const name = [op, level ?? '', output.sign ?? '', output.interpolation ?? ''].join(' ').trim();
    test(`${name} gives Pillow's bytes`, () => {
      const image = Uint8Array.from(bytesOf(source!, 'randaugment.u8'));
      randAugmentOperations[op](image, shape, { level: level ?? 10, sign, interpolation }, scratch);
      assert.equal(differenceFrom(image, output, 'randaugment.u8'), 'none');
    });
  }

  test('are all covered', () => {
    assert.deepEqual(new Set(cases.map(({ op }) => op)), new Set(Object.keys(randAugmentOperations)));
  });
});

describeUnless(skipped, 'the operations of ColorJitter', () => {
  const shape = { height: 96, width: 96, channels: 3 };
  const scratch = makeScratch(shape);
  for (const [name, operation, factor] of [
    ['brightness', brightness, 1.3],
    ['contrast', contrast, 0.7],
    ['saturation', color, 1.4],
  ] as const) {
    for (const output of outputs(`patch_${name}`)) {
      const patch = outputs('patch').find(({ image, output: kind }) => image === output.image && kind === 'patch')!;
      if (output.offset === null || patch.offset === null) continue;
      test(`${name} of ${output.image} gives torchvision's bytes`, () => {
        const image = Uint8Array.from(bytesOf(patch));
        operation(image, shape, factor - 1, scratch);
        assert.equal(differenceFrom(image, output), 'none');
      });
    }
  }
});

describe('random colour', () => {
  const shape = { height: 24, width: 24, channels: 3 };

  test('of RandAugment leaves a quarter of the images as they are, as two draws of probability ½ do', () => {
    const transform = randAugment(shape);
    const images = 4000;
    let unchanged = 0;
    for (let i = 0; i < images; i++) {
      const image = formulaImage(shape);
      transform(image, randomFor('rand augment', i));
      if (Buffer.compare(image, formulaImage(shape)) === 0) unchanged++;
    }
    // Besides ¼: solarising at level 10 (half of its draws) changes nothing either, (½ + ½·½/15)² = 0.267 in all.
    assert.ok(Math.abs(unchanged / images - 0.267) < 0.03, `${unchanged} of ${images}`);
  });

  test('of ColorJitter has factors from 0.6 to 1.4 in every order', () => {
    const transform = colorJitter(shape);
    const grey = new Uint8Array(24 * 24 * 3).fill(100);
    const seen = new Set<number>();
    for (let i = 0; i < 3000; i++) {
      const image = grey.slice();
      transform(image, randomFor('jitter', i));
      assert.ok(image.every(value => value === image[0])); // contrast and saturation leave a grey image alone
      seen.add(image[0]!);
    }
    assert.ok(Math.min(...seen) === 60 && Math.max(...seen) === 139 && seen.size > 75);
  });

  test('is refused for gray images', () => {
    for (const transform of [randAugment, colorJitter]) {
      assert.throws(() => transform({ ...shape, channels: 1 }), ConfigError);
    }
  });
});
