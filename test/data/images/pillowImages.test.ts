import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeBmp } from '../../../src/data/images/bmp.js';
import { decodeRgb } from '../../../src/data/images/decode.js';
import { DataError } from '../../../src/errors.js';
import { FormatFault } from '../../../src/io/faults.js';

const fixture = join(import.meta.dirname, '../../../../test/fixtures/pillow_images.json');
const { pillow, height, width, images } = JSON.parse(readFileSync(fixture, 'utf8')) as {
  pillow: string;
  height: number;
  width: number;
  images: Record<string, { file: string; rgb: string }>;
};
const files = Object.entries(images).map(([name, { file, rgb }]) => ({
  name,
  file: Buffer.from(file, 'base64'),
  rgb: new Uint8Array(Buffer.from(rgb, 'base64')),
}));
const bmps = files.filter(({ name }) => name.endsWith('.bmp'));
const named = (name: string) => files.find(file => file.name === name)!;

describe(`the RGB bytes of Pillow ${pillow}`, () => {
  for (const { name, file, rgb } of files) {
    test(`are read from ${name}`, async () => {
      const image = await decodeRgb(file, name);
      assert.deepEqual([image.height, image.width], [height, width]);
      assert.deepEqual(new Uint8Array(image.pixels), rgb);
    });
  }
});

describe('a BMP file', () => {
  test('of any pixels gives them back, in each number of bits', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 5 }),
        fc.infiniteStream(fc.nat(255)),
        (w, h, values) => {
          const pixels = Uint8Array.from(values.take(3 * w * h));
          for (const bits of [24, 32]) assert.deepEqual(decodeBmp(bmpOf(pixels, w, h, bits)), pixels);
        },
      ),
    ));

  test('that is cut anywhere is refused, and never read beyond its end', async () => {
    for (const { file, name } of bmps) {
      for (let length = 18; length < file.length - 2; length += 1 + (length > 60 ? 7 : 0)) {
        if (name.includes('-runs') || name.includes('-literal')) continue; // the rest may be an end mark
        await assert.rejects(
          decodeRgb(file.subarray(0, length), 'cut.bmp'),
          (error: unknown) =>
            error instanceof DataError && /^The BMP image is (truncated|damaged): it /.test(error.message),
          `${name}, ${length} bytes`,
        );
      }
    }
  });

  test('with changed bytes is read or refused', () =>
    fc.assert(
      fc.property(
        fc.constantFrom(...bmps),
        fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        ({ file }, changes) => {
          const changed = Buffer.from(file);
          for (const [at, value] of changes)
            if (at >= 2 && (at < 18 || at > 25) && at < changed.length) changed[at] = value;
          try {
            assert.equal(decodeBmp(changed).length, 3 * height * width);
          } catch (error) {
            assert.ok(error instanceof FormatFault, String(error));
          }
        },
      ),
      { numRuns: 1000 },
    ));

  test('of more pixels than Pillow takes is refused before memory is taken', async () => {
    const bomb = Buffer.from(named('24.bmp').file);
    bomb.writeInt32LE(2 ** 20, 18);
    bomb.writeInt32LE(2 ** 20, 22);
    await assert.rejects(decodeRgb(bomb, 'bomb.bmp'), /has more than 178956970 pixels/);
  });
});

test('a PPM file with another range, cut off, or with a damaged header is refused', async () => {
  for (const [bytes, message] of [
    [Buffer.from('P6 2 2 65535\n'), /^The NETPBM image is damaged: its largest value is 65535, and gala reads 255\./],
    [Buffer.from('P6 2 2 255\nabc'), /^The NETPBM image is truncated: it ends before byte 23\./],
    [Buffer.from('P6 2\n255\nabc'), /^The NETPBM image is damaged: it has no header of PPM or PGM\./],
    [Buffer.from('P5 99999 99999 255\n'), /more than 178956970 pixels/],
  ] as const) {
    await assert.rejects(
      decodeRgb(bytes, 'a.ppm'),
      (error: unknown) => error instanceof DataError && message.test(error.message),
      String(message),
    );
  }
});

test('a CMYK TIFF of 16 bits is refused, with the way out', async () => {
  await assert.rejects(
    decodeRgb(cmykOf16Bits(), 'wide.tif'),
    (error: unknown) =>
      error instanceof DataError && /more than 8 bits/.test(error.message) && /8 bits/.test(error.next!),
  );
});

/** An uncompressed BMP of RGB pixels. */
function bmpOf(pixels: Uint8Array, w: number, h: number, bits: number): Buffer {
  const row = 4 * Math.ceil((bits * w) / 32);
  const bytes = Buffer.alloc(54 + row * h);
  bytes.write('BM');
  for (const [at, value] of [
    [2, bytes.length],
    [10, 54],
    [14, 40],
    [18, w],
    [22, h],
  ] as const)
    bytes.writeUInt32LE(value, at);
  bytes.writeUInt16LE(bits, 28);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++)
      for (let c = 0; c < 3; c++) bytes[54 + (h - 1 - y) * row + (x * bits) / 8 + 2 - c] = pixels[3 * (y * w + x) + c]!;
  return bytes;
}

/** A CMYK TIFF of 2 × 2 pixels, 16 bits a channel. */
function cmykOf16Bits(): Buffer {
  const [w, h] = [2, 2];
  const entries: [tag: number, type: number, count: number, value: number][] = [
    [256, 3, 1, w],
    [257, 3, 1, h],
    [258, 3, 4, 8],
    [259, 3, 1, 1],
    [262, 3, 1, 5],
    [273, 4, 1, 16],
    [277, 3, 1, 4],
    [278, 3, 1, h],
    [279, 4, 1, w * h * 8],
  ];
  const pixels = Buffer.alloc(w * h * 8, 9);
  const head = Buffer.from([0x49, 0x49, 42, 0, 0, 0, 0, 0, 16, 0, 16, 0, 16, 0, 16, 0]);
  head.writeUInt32LE(16 + pixels.length, 4);
  const directory = Buffer.alloc(2 + 12 * entries.length + 4);
  directory.writeUInt16LE(entries.length);
  entries.forEach(([tag, type, count, value], i) => {
    directory.writeUInt16LE(tag, 2 + 12 * i);
    directory.writeUInt16LE(type, 4 + 12 * i);
    directory.writeUInt32LE(count, 6 + 12 * i);
    directory.writeUInt32LE(value, 10 + 12 * i);
  });
  return Buffer.concat([head, pixels, directory]);
}
