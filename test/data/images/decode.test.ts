import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import sharp from 'sharp';
import { decodeRgb, readImageHeader, readRgb } from '../../../src/data/images/decode.js';
import { notDecoded } from '../../../src/data/images/decodeFaults.js';
import { rowsOf } from '../../../src/data/images/rgbImage.js';
import { DataError, EngineError } from '../../../src/errors.js';
import { describeUnless } from '../../shared.js';
import { temporaryFolder } from '../../temporaryFolder.js';
import { formulaImage } from '../augment/formulaImage.js';
import { copied } from './copied.js';
import { bytesOf, differenceFrom, golden, outputs, skipped } from './golden.js';

const folder = temporaryFolder();
const shape = { height: 40, width: 56, channels: 3 };
const pixels = formulaImage(shape);
const raw = { raw: { width: 56, height: 40, channels: 3 } } as const;
const jpeg = () => sharp(pixels, raw).jpeg().toBuffer();

describeUnless(skipped, 'decoding', () => {
  for (const output of outputs('decode')) {
    if (output.image === 'gray16.png') continue;
    test(`${output.image} gives Pillow's bytes`, async () => {
      const image = await readRgb(golden(output.image));
      assert.deepEqual([image.height, image.width, 3], output.shape);
      assert.equal(differenceFrom(image.pixels, output), 'none');
    });
  }

  test('16-bit gray keeps its high byte, where Pillow cuts off at 255', async () => {
    const image = await readRgb(golden('gray16.png'));
    const values = await sharp(golden('gray16.png')).toColourspace('grey16').raw({ depth: 'ushort' }).toBuffer();
    const words = new Uint16Array(values.buffer, values.byteOffset, values.length / 2);
    const pillow = bytesOf(outputs('decode').find(output => output.image === 'gray16.png')!);
    assert.equal(words.length, 96 * 128);
    words.forEach((word, i) => {
      for (let c = 0; c < 3; c++) {
        assert.equal(image.pixels[3 * i + c], word >> 8);
        assert.equal(pillow[3 * i + c], Math.min(255, word));
      }
    });
  });

  for (const [name, what] of [
    ['truncated.jpg', /^The JPEG image is truncated\.$/],
    ['empty.jpg', /^The image file is empty\.$/],
    ['text.jpg', /^The file is not an image: it begins with the bytes (.. ){7}..\.$/],
  ] as const) {
    test(`${name} is refused by name`, () => refused(readRgb(golden(name)), what, golden(name)));
  }
});

describe('decoding any file', () => {
  test('gives the pixels of a lossless image, whatever its name says', async () => {
    for (const bytes of [
      await sharp(pixels, raw).png().toBuffer(),
      await sharp(pixels, raw)
        .png()
        .withExif({ IFD0: { Orientation: '6' } })
        .toBuffer(),
      await sharp(pixels, raw).webp({ lossless: true }).toBuffer(),
      await sharp(pixels, raw).tiff({ compression: 'none' }).toBuffer(),
    ]) {
      const image = await decodeRgb(bytes, 'cat.jpg');
      assert.deepEqual([image.height, image.width], [40, 56]);
      assert.deepEqual(new Uint8Array(image.pixels), pixels);
    }
  });

  test('takes trailing bytes, and the first frame of an animation', async () => {
    const bytes = await jpeg();
    const image = await decodeRgb(bytes, 'a');
    const longer = await decodeRgb(Buffer.concat([bytes, Buffer.alloc(100, 7)]), 'b');
    assert.deepEqual(longer.pixels, image.pixels);
    const frames = { raw: { ...raw.raw, height: 40, pageHeight: 20 } };
    const animated = await decodeRgb(await sharp(pixels, frames).webp({ lossless: true }).toBuffer(), 'c');
    assert.deepEqual([animated.height, animated.width], [20, 56]);
  });

  test('of a part gives at least that part, with the bytes of the whole', async () => {
    const wanted = { top: 7, left: 11, height: 20, width: 30 };
    for (const bytes of [
      await jpeg(),
      await sharp(pixels, raw).png().toBuffer(),
      Buffer.concat([await jpeg(), Buffer.alloc(3)]),
    ]) {
      const whole = await decodeRgb(bytes, 'a');
      let asked = 0;
      const image = await decodeRgb(bytes, 'a', size => {
        asked++;
        assert.deepEqual([size.height, size.width], [40, 56]);
        return wanted;
      });
      assert.equal(asked, 1);
      assert.deepEqual(copied(rowsOf(image, wanted)), copied(rowsOf(whole, wanted)));
    }
  });

  test('refuses every cut of a JPEG and of a PNG', async () => {
    for (const bytes of [await jpeg(), await sharp(pixels, raw).png().toBuffer()]) {
      for (let length = 0; length < bytes.length - 14; length += 97) {
        await refused(decodeRgb(bytes.subarray(0, length), 'cut.jpg'), /image/, 'cut.jpg');
        const corner = () => ({ top: 0, left: 0, height: 1, width: 1 });
        await refused(decodeRgb(bytes.subarray(0, length), 'cut.jpg', corner), /image/, 'cut.jpg');
      }
    }
  });

  test('refuses text that libvips would draw', async () => {
    const drawing = Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>',
    );
    await refused(decodeRgb(drawing, 'drawing.png'), /not an image/, 'drawing.png');
  });

  test('refuses an image of more pixels than Pillow takes', async () => {
    const bytes = Buffer.from(await sharp(pixels, raw).png().toBuffer());
    bytes.writeUInt32BE(40_000, 16);
    bytes.writeUInt32BE(40_000, 20);
    await refused(decodeRgb(bytes, 'bomb.png'), /image/, 'bomb.png');
  });

  test('for lack of memory gives no verdict on the file', () => {
    const error = notDecoded(new Error('vips_image_write_to_memory: out of memory -- size == 346MB'), 'png', 'a.png');
    assert.ok(error instanceof EngineError);
    assert.match(error.message, /^Too little memory: a\.png could not be decoded/);
    assert.ok(notDecoded(new Error('pngload_buffer: libspng read error'), 'png', 'a.png') instanceof DataError);
  });

  test('whose header alone is read is refused with its path', async () => {
    for (const [name, bytes] of [
      ['text.jpg', Buffer.from('not an image')],
      ['empty.jpg', Buffer.alloc(0)],
      ['deep.pgm', Buffer.from('P5 1 1 65535\n\0\0')],
      ['cut.png', Buffer.from((await sharp(pixels, raw).png().toBuffer()).subarray(0, 20))],
    ] as const) {
      writeFileSync(join(folder, name), bytes);
      await refused(readImageHeader(join(folder, name)), /image/, join(folder, name));
    }
  });

  test('names a missing file and a folder in its place', async () => {
    mkdirSync(join(folder, 'folder.jpg'));
    await refused(readRgb(join(folder, 'none.jpg')), /^The image file is missing\.$/, join(folder, 'none.jpg'));
    await refused(
      readRgb(join(folder, 'folder.jpg')),
      /^The file is not an image: it is a folder, not a regular file\.$/,
      join(folder, 'folder.jpg'),
    );
    writeFileSync(join(folder, 'some.jpg'), await jpeg());
    assert.equal((await readRgb(join(folder, 'some.jpg'))).width, 56);
  });
});

async function refused(promise: Promise<unknown>, what: RegExp, where: string): Promise<void> {
  await assert.rejects(
    promise,
    (error: unknown) => error instanceof DataError && what.test(error.message) && error.where === where && !!error.next,
  );
}
