import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cutout, horizontalFlip, randomCrop, shift } from '../../../src/data/augment/geometry.js';
import { augmenter } from '../../../src/data/augment/index.js';
import type { Random } from '../../../src/random.js';
import { randomFor } from '../../../src/random.js';
import { formulaImage } from './formulaImage.js';

const shapes = [
  { height: 32, width: 32, channels: 3 },
  { height: 28, width: 28, channels: 1 },
  { height: 5, width: 7, channels: 3 },
];

/** A stream that gives the listed integers, or 0.25 and 0.75 as uniform numbers for 0 and 1. */
function scripted(...values: number[]): Random {
  const next = () => values.shift()!;
  return { uint32: next, integer: next, uniform: () => 0.25 + 0.5 * next(), normal: next, normals: next };
}

for (const shape of shapes) {
  const { height, width, channels } = shape;
  describe(`on ${height}×${width}×${channels} images`, () => {
    const original = formulaImage(shape);
    const at = (y: number, x: number, c: number, elsewhere: number) =>
      y < 0 || y >= height || x < 0 || x >= width ? elsewhere : original[(y * width + x) * channels + c]!;
    const expected = (value: (y: number, x: number, c: number) => number) =>
      Uint8Array.from({ length: original.length }, (_, i) => {
        const pixel = Math.floor(i / channels);
        return value(Math.floor(pixel / width), pixel % width, i % channels);
      });

    test('a shift moves every pixel and fills what comes from outside', () => {
      for (const down of [-40, -5, -3, 0, 1, 4, 40]) {
        for (const right of [-7, -2, 0, 3, 6]) {
          const image = original.slice();
          shift(image, shape, down, right, 9);
          assert.deepEqual(
            image,
            expected((y, x, c) => at(y + down, x + right, c, 9)),
            `${down}, ${right}`,
          );
        }
      }
    });

    test('a random crop is a window of the zero-padded image', () => {
      for (const [top, left] of [
        [0, 0],
        [8, 8],
        [4, 4],
        [3, 7],
      ] as const) {
        const image = original.slice();
        randomCrop(shape)(image, scripted(top, left));
        assert.deepEqual(
          image,
          expected((y, x, c) => at(y + top - 4, x + left - 4, c, 0)),
        );
      }
    });

    test('a horizontal flip mirrors rows or does nothing', () => {
      const image = original.slice();
      horizontalFlip(shape)(image, scripted(1));
      assert.deepEqual(image, original);
      horizontalFlip(shape)(image, scripted(0));
      assert.deepEqual(
        image,
        expected((y, x, c) => at(y, width - 1 - x, c, 0)),
      );
    });

    test('cutout blacks out 16×16 pixels around its centre, clipped at the border', () => {
      for (const [centreY, centreX] of [
        [0, 0],
        [height - 1, 2],
        [height >> 1, width >> 1],
      ] as const) {
        const image = original.slice();
        cutout(shape)(image, scripted(centreY, centreX));
        const inside = (a: number, centre: number) => a >= centre - 8 && a < centre + 8;
        assert.deepEqual(
          image,
          expected((y, x, c) => (inside(y, centreY) && inside(x, centreX) ? 0 : at(y, x, c, 0))),
        );
      }
    });
  });
}

test('the random places of crop, flip and cutout reach both ends of their ranges', () => {
  const shape = shapes[0]!;
  const image = new Uint8Array(3072);
  const seen = { crops: new Set<number>(), flips: 0, corner: 0 };
  for (let i = 0; i < 2000; i++) {
    image.fill(0);
    image[(16 * 32 + 16) * 3] = 1;
    randomCrop(shape)(image, randomFor('crop', i));
    seen.crops.add(image.indexOf(1));
    image.fill(0);
    image[0] = 1;
    horizontalFlip(shape)(image, randomFor('flip', i));
    seen.flips += image[0] === 0 ? 1 : 0;
    image.fill(1);
    cutout(shape)(image, randomFor('cutout', i));
    seen.corner += image[3071] === 0 ? 1 : 0;
  }
  assert.equal(seen.crops.size, 81);
  assert.ok(Math.abs(seen.flips - 1000) < 120, `${seen.flips} flips`);
  // The last pixel is black when both centre coordinates are ≥ 24: (8/32)² of the images.
  assert.ok(Math.abs(seen.corner - 125) < 55, `${seen.corner} corners`);
});

test('a chain gives an image by (seed, epoch, index) alone', () => {
  const shape = shapes[0]!;
  const names = ['random_crop', 'horizontal_flip', 'autoaugment_cifar10', 'cutout'] as const;
  const run = (chain: ReturnType<typeof augmenter>, seed: number, epoch: number, index: number) => {
    const image = formulaImage(shape);
    chain(image, seed, epoch, index);
    return image;
  };
  const a = augmenter(names, shape);
  const b = augmenter(names, shape);
  const forward = [1, 2, 3].map(index => run(a, 0, 1, index));
  const backward = [3, 2, 1].map(index => run(b, 0, 1, index)).reverse();
  assert.deepEqual(forward, backward);
  for (const other of [run(a, 1, 1, 1), run(a, 0, 2, 1), run(a, 0, 1, 2)]) assert.notDeepEqual(other, forward[0]);
  assert.deepEqual(run(augmenter([], shape), 0, 1, 1), formulaImage(shape));
});
