/** libjpeg-turbo alone beside libvips (sharp), whose pixels are Pillow's. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import { jpegFrame } from '../../../src/data/images/format.js';
import { turboJpeg } from '../../../src/data/images/turboJpeg.js';
import { changedFile } from '../../fuzz/changes.js';
import { describeUnless } from '../../shared.js';
import { formulaImage } from '../augment/formulaImage.js';

const decode = await turboJpeg();

/** Every kind of subsampling that the package's encoder knows; sharp's knows two of them. */
function encoded(height: number, width: number, sampling: string, quality: number): Buffer {
  const encoder = createRequire(import.meta.url)('@julusian/jpeg-turbo');
  const pixels = Buffer.from(formulaImage({ height, width, channels: 3 }));
  const options = { format: encoder.FORMAT_RGB, width, height, quality, subsampling: encoder[`SAMP_${sampling}`] };
  return Buffer.from(encoder.compressSync(pixels, options).subarray());
}

async function bySharp(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await sharp(bytes, { failOn: 'truncated', ignoreIcc: true }).removeAlpha().raw().toBuffer());
}

const byTurbo = (bytes: Uint8Array, rows = jpegFrame(bytes)!.height) => {
  const pixels = decode!(bytes, jpegFrame(bytes)!, rows);
  return pixels && new Uint8Array(pixels);
};

describeUnless(
  decode === undefined && '@julusian/jpeg-turbo is not installed, or not for this platform',
  'JPEG by libjpeg-turbo alone',
  () => {
    for (const sampling of ['444', '422', '420', '440', 'GRAY']) {
      test(`has the pixels of libvips, ${sampling}`, async () => {
        for (const [height, width] of [
          [1, 1],
          [8, 8],
          [17, 33],
          [40, 56],
          [129, 7],
        ] as const) {
          for (const quality of [30, 95]) {
            const bytes = encoded(height, width, sampling, quality);
            assert.deepEqual(byTurbo(bytes), await bySharp(bytes), `${height} × ${width}, quality ${quality}`);
          }
        }
      });
    }

    test('has the pixels of libvips, progressive and with optimised Huffman tables', async () => {
      const raw = { raw: { width: 83, height: 61, channels: 3 } } as const;
      for (const chromaSubsampling of ['4:4:4', '4:2:0']) {
        for (const mozjpeg of [false, true]) {
          const image = sharp(formulaImage({ height: 61, width: 83, channels: 3 }), raw);
          const bytes = await image.jpeg({ progressive: true, chromaSubsampling, mozjpeg }).toBuffer();
          assert.deepEqual(byTurbo(bytes), await bySharp(bytes));
        }
      }
    });

    test('its first rows are those of the whole, however many, one after another on one decoder', () => {
      for (const sampling of ['444', '422', '420', '440', 'GRAY']) {
        const bytes = encoded(50, 37, sampling, 80);
        const whole = byTurbo(bytes)!;
        for (let rows = 1; rows <= 50; rows++) {
          assert.deepEqual(byTurbo(bytes, rows), whole.subarray(0, 3 * 37 * rows), `${sampling}, ${rows} rows`);
          if (rows % 10 === 0) assert.deepEqual(byTurbo(bytes), whole);
        }
      }
    });

    test('a file that is cut off is left to others, and the next one is decoded', () => {
      const bytes = encoded(40, 56, '420', 80);
      for (let length = 200; length < bytes.length - 14; length += 50) {
        if (jpegFrame(bytes.subarray(0, length)) === undefined) continue;
        assert.equal(byTurbo(bytes.subarray(0, length)), undefined);
      }
      assert.equal(byTurbo(bytes)!.length, 3 * 40 * 56);
    });

    test('a file whose size is not the one given is left to others, whatever would be written', () => {
      const bytes = encoded(40, 56, '420', 80);
      for (const frame of [
        { height: 20, width: 56 },
        { height: 40, width: 8 },
        { height: 56, width: 40 },
      ])
        assert.equal(decode!(bytes, { ...jpegFrame(bytes)!, ...frame }, frame.height), undefined);
    });

    test('what it decodes of a changed file is what libvips decodes of it', async () => {
      const files = ['444', '420', 'GRAY'].map(sampling => encoded(40, 56, sampling, 80));
      let decoded = 0;
      await fc.assert(
        fc.asyncProperty(changedFile(...files), async bytes => {
          const frame = jpegFrame(bytes);
          if (frame === undefined || !frame.isCommon || frame.height * frame.width > 1e6 || frame.components === 4)
            return;
          const pixels = byTurbo(bytes);
          if (pixels === undefined) return;
          decoded++;
          assert.deepEqual(pixels, await bySharp(bytes));
        }),
        { numRuns: Number(process.env.GALA_FUZZ_RUNS ?? 300), seed: 20_261_130 },
      );
      assert.ok(decoded > 20, `${decoded}`);
    });
  },
);
