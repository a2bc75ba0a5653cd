import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { centreBox, shortSideSize } from '../../../src/data/images/boxes.js';
import { readRgb } from '../../../src/data/images/decode.js';
import { fitOf } from '../../../src/data/images/fit.js';
import { makeResizer, resizedPart } from '../../../src/data/images/resize.js';
import type { Box, RgbImage } from '../../../src/data/images/rgbImage.js';
import { rowsOf, wholeBox, wholeImage } from '../../../src/data/images/rgbImage.js';
import { randomFor } from '../../../src/random.js';
import { maxError } from '../../numbers.js';
import { describeUnless } from '../../shared.js';
import { formulaImage } from '../augment/formulaImage.js';
import { copied } from './copied.js';
import { bytesOf, differenceFrom, golden, goldenJson, outputs, skipped } from './golden.js';

/** The golden decode where it differs from ours on purpose. */
async function decoded(name: string): Promise<RgbImage> {
  if (name !== 'gray16.png') return readRgb(golden(name));
  const output = outputs('decode').find(({ image }) => image === name)!;
  return wholeImage(bytesOf(output), { height: output.shape[0], width: output.shape[1] });
}

describeUnless(skipped, 'resizing', () => {
  const resize = makeResizer();

  for (const output of outputs('resize256', 'resizedcrop224')) {
    test(`${output.image} ${output.output} gives Pillow's bytes`, async () => {
      const image = await decoded(output.image);
      const [height, width] = output.shape;
      const into = new Uint8Array(3 * height * width);
      if (output.params === undefined) {
        const size = shortSideSize(image, 256);
        const window = output.output === 'resize256' ? wholeBox(size) : centreBox(size, 224);
        resize(rowsOf(image, wholeBox(image)), size, window, into);
      } else {
        const box = output.params as unknown as Box;
        resize(rowsOf(image, box), { height, width }, wholeBox({ height, width }), into);
      }
      assert.equal(differenceFrom(into, output), 'none');
    });
  }

  test('a part of a resized image equals that part of the whole', async () => {
    const image = await decoded('portrait.jpg');
    for (const size of [
      { height: 131, width: 97 },
      { height: 150, width: 290 },
      { height: 500, width: 111 },
    ]) {
      const whole = new Uint8Array(3 * size.height * size.width);
      resize(rowsOf(image, wholeBox(image)), size, wholeBox(size), whole);
      const window = { top: 40, left: 13, height: 50, width: 61 };
      const part = new Uint8Array(3 * 50 * 61);
      resize(rowsOf(image, wholeBox(image)), size, window, part);
      for (let y = 0; y < window.height; y++) {
        const start = 3 * ((window.top + y) * size.width + window.left);
        assert.deepEqual(part.slice(3 * 61 * y, 3 * 61 * (y + 1)), whole.slice(start, start + 3 * 61));
      }
    }
  });

  test('and normalising gives what the network of the reference sees', async () => {
    const image = await decoded('landscape.jpg');
    const into = new Uint8Array(3 * 224 * 224);
    const { fit } = fitOf({ augment: [], side: 224, shortSide: 256 });
    fit.render({ image, placement: fit.place(image, randomFor('none')) }, into);
    const { normalized } = goldenJson<{ normalized: { mean: number[]; std: number[] } }>('transforms.json');
    const file = readFileSync(golden('normalized.f32'));
    const expected = new Float32Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
    const ours = Float32Array.from(expected, (_, i) => {
      const channel = Math.floor(i / (224 * 224));
      const value = into[3 * (i % (224 * 224)) + channel]!;
      return (value / 255 - normalized.mean[channel]!) / normalized.std[channel]!;
    });
    assert.ok(maxError(ours, expected) <= 1e-6);
  });
});

describe('resizing any image', () => {
  const resize = makeResizer();
  const shape = { height: 20, width: 31, channels: 3 };
  const image = wholeImage(formulaImage(shape), shape);

  test('to its own size gives the same bytes', () => {
    const into = new Uint8Array(image.pixels.length);
    resize(rowsOf(image, wholeBox(image)), image, wholeBox(image), into);
    assert.deepEqual(into, image.pixels);
  });

  test('of one colour gives that colour, enlarged, reduced and of one pixel', () => {
    const flat = wholeImage(new Uint8Array(image.pixels.length).fill(201), shape);
    for (const [box, size] of [
      [wholeBox(flat), { height: 64, width: 64 }],
      [wholeBox(flat), { height: 3, width: 2 }],
      [
        { top: 19, left: 30, height: 1, width: 1 },
        { height: 9, width: 9 },
      ],
    ] as const) {
      const into = new Uint8Array(3 * size.height * size.width);
      resize(rowsOf(flat, box), size, wholeBox(size), into);
      assert.ok(into.every(value => value === 201));
    }
  });

  test('needs no more than the part it names', () => {
    for (const [size, window] of [
      [
        { height: 7, width: 9 },
        { top: 2, left: 3, height: 4, width: 5 },
      ],
      [
        { height: 40, width: 33 },
        { top: 11, left: 2, height: 9, width: 30 },
      ],
      [
        { height: 4, width: 31 },
        { top: 0, left: 8, height: 2, width: 9 },
      ],
    ] as const) {
      const part = resizedPart(image, size, window);
      const pixels = copied(rowsOf(image, part));
      assert.ok(part.height < 20 || part.width < 31);
      const [whole, partial] = [image, { ...image, pixels, part }].map(from => {
        const into = new Uint8Array(3 * window.height * window.width);
        resize(rowsOf(from, wholeBox(image)), size, window, into);
        return into;
      });
      assert.deepEqual(partial, whole);
    }
  });

  test('looks at nothing outside of its box', () => {
    const box = { top: 5, left: 7, height: 9, width: 11 };
    const other = { ...image, pixels: image.pixels.map((value, i) => (inside(i, box) ? value : 255 - value)) };
    const [a, b] = [image, other].map(from => {
      const into = new Uint8Array(3 * 24 * 24);
      resize(rowsOf(from, box), { height: 24, width: 24 }, wholeBox({ height: 24, width: 24 }), into);
      return into;
    });
    assert.deepEqual(a, b);
  });

  function inside(byte: number, { top, left, height, width }: Box): boolean {
    const [y, x] = [Math.floor(byte / 93), Math.floor((byte % 93) / 3)];
    return y >= top && y < top + height && x >= left && x < left + width;
  }
});
