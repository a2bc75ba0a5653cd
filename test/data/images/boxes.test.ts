import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type BoxDraw,
  centreBox,
  drawnBox,
  fallbackBox,
  paddedRowsOf,
  paddedSize,
  randomResizedBox,
  reflectedPart,
  shortSideSize,
} from '../../../src/data/images/boxes.js';
import { readRgb } from '../../../src/data/images/decode.js';
import type { Box, RgbImage } from '../../../src/data/images/rgbImage.js';
import { rowsOf, wholeBox, wholeImage } from '../../../src/data/images/rgbImage.js';
import { randomFor } from '../../../src/random.js';
import { describeUnless } from '../../shared.js';
import { formulaImage } from '../augment/formulaImage.js';
import { copied } from './copied.js';
import { differenceFrom, golden, goldenJson, outputs, skipped } from './golden.js';

interface Boxes {
  random_resized_crop: {
    width: number;
    height: number;
    draws: BoxDraw[];
    attempt: number | 'fallback';
    box: [top: number, left: number, height: number, width: number];
  }[];
  geometry: {
    width: number;
    height: number;
    resize256: { width: number; height: number };
    centercrop224: { top: number; left: number };
  }[];
}

describeUnless(skipped, 'boxes', () => {
  test('of RandomResizedCrop are those of torchvision for the same draws', () => {
    const cases = goldenJson<Boxes>('boxes.json').random_resized_crop;
    const attempts = new Set<unknown>();
    for (const { width, height, draws, attempt, box } of cases) {
      const boxes = draws.map(draw => drawnBox({ height, width }, draw));
      const first = boxes.findIndex(drawn => drawn !== undefined);
      const { top, left, ...size } = boxes[first] ?? fallbackBox({ height, width });
      assert.equal(first === -1 ? 'fallback' : first, attempt);
      assert.deepEqual([top, left, size.height, size.width], box);
      attempts.add(attempt);
    }
    assert.ok(cases.length === 80 && attempts.has(0) && attempts.has('fallback'));
  });

  test('of Resize and CenterCrop are those of torchvision', () => {
    for (const { width, height, resize256, centercrop224 } of goldenJson<Boxes>('boxes.json').geometry) {
      const size = shortSideSize({ height, width }, 256);
      assert.deepEqual(size, { height: resize256.height, width: resize256.width });
      assert.deepEqual(centreBox(size, 224), { ...centercrop224, height: 224, width: 224 });
    }
  });

  for (const output of outputs('reflectpad4')) {
    if (output.image === 'gray16.png') continue;
    test(`the reflected border of ${output.image} is that of torchvision`, async () => {
      const image = await readRgb(golden(output.image));
      const size = paddedSize(image, 4);
      assert.deepEqual([size.height, size.width, 3], output.shape);
      assert.equal(differenceFrom(copied(paddedRowsOf(image, wholeBox(size), 4)), output), 'none');
    });
  }
});

describe('a box of a padded image', () => {
  const image = wholeImage(formulaImage({ height: 9, width: 12, channels: 3 }), { height: 9, width: 12 });
  const pad = 4;
  const cut = (from: RgbImage, box: Box) => paddedRowsOf(from, box, pad);
  const whole = wholeImage(copied(cut(image, wholeBox(paddedSize(image, pad)))), paddedSize(image, pad));

  test('is the same whether it touches the border or not', () => {
    const boxes: Box[] = [
      { top: 4, left: 4, height: 9, width: 12 },
      { top: 6, left: 5, height: 3, width: 4 },
      { top: 0, left: 0, height: 3, width: 2 },
      { top: 14, left: 17, height: 3, width: 3 },
      { top: 3, left: 5, height: 10, width: 15 },
    ];
    for (const box of boxes) assert.deepEqual(copied(cut(image, box)), copied(rowsOf(whole, box)));
    // And where no more of the image is there than the box is made of.
    for (const box of boxes) {
      const part = reflectedPart(image, box, pad);
      const only = { ...image, pixels: copied(rowsOf(image, part)), part };
      assert.deepEqual(copied(cut(only, box)), copied(rowsOf(whole, box)));
    }
  });

  test('is copied in parts of rows as well as whole', () => {
    const rows = cut(image, { top: 1, left: 0, height: 10, width: 20 });
    const all = copied(rows);
    for (const [from, to] of [
      [0, 3],
      [2, 19],
      [5, 9],
      [17, 20],
    ] as const) {
      const part = new Uint8Array(3 * (to - from) + 2).fill(9);
      rows.copy(7, from, to, part, 1);
      const expected = [9, ...all.subarray(3 * (7 * 20 + from), 3 * (7 * 20 + to)), 9];
      assert.deepEqual([...part], expected);
    }
  });

  test('repeats a single pixel, and mirrors again and again where the image is smaller than the border', () => {
    const column = wholeImage(Uint8Array.from([1, 1, 1, 2, 2, 2]), { height: 2, width: 1 });
    const view = copied(paddedRowsOf(column, wholeBox(paddedSize(column, 4)), 4));
    const rows = [1, 2, 1, 2, 1, 2, 1, 2, 1, 2]; // numpy.pad([1, 2], 4, 'reflect')
    assert.deepEqual(
      [...view],
      rows.flatMap(value => Array<number>(27).fill(value)),
    );
  });
});

test('random boxes fit, reach every side, and have the areas and ratios of torchvision', () => {
  const [height, width, draws] = [300, 400, 4000];
  let area = 0;
  const seen = { top: 0, bottom: 0, smallest: 1, tallest: 1, widest: 1 };
  for (let i = 0; i < draws; i++) {
    const box = randomResizedBox({ height, width }, randomFor('boxes', i));
    assert.ok(box.top >= 0 && box.left >= 0 && box.top + box.height <= height && box.left + box.width <= width);
    const share = (box.height * box.width) / (height * width);
    area += share / draws;
    if (box.top === 0) seen.top++;
    if (box.top + box.height === height) seen.bottom++;
    seen.smallest = Math.min(seen.smallest, share);
    seen.tallest = Math.max(seen.tallest, box.height / box.width);
    seen.widest = Math.max(seen.widest, box.width / box.height);
  }
  // Boxes that do not fit are drawn again, so large ones are rarer than uniform: torchvision’s mean here is 0.435
  // (12,000 draws).
  assert.ok(Math.abs(area - 0.435) < 0.015, `mean area ${area}`);
  assert.ok(seen.smallest < 0.085 && seen.top > 50 && seen.bottom > 50);
  assert.ok(seen.tallest > 1.3 && seen.tallest < 1.36 && seen.widest > 1.3 && seen.widest < 1.36);
});
