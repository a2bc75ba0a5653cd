/**
 * Image files → RGB bytes, as torchvision's loader gives them (Pillow's `convert('RGB')`), byte for byte: EXIF orientation and
 * embedded profiles are ignored, alpha is dropped unblended, CMYK goes through Pillow's formula and not a profile.
 * One difference on purpose: 16-bit gray keeps its high byte, where Pillow cuts off at 255 and turns pictures white.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { DataError } from '../../errors.js';
import { imageFormat, jpegFrame } from './format.js';
import type { PartOf, RgbImage } from './rgbImage.js';
import { wholeBox, wholeImage } from './rgbImage.js';
import { sharp } from './sharp.js';

/** Pixels above which Pillow refuses an image as a decompression bomb. */
const mostPixels = 178_956_970;

/** Reads and decodes one file, or at least the part of it that `partOf` wants. Throws `DataError` naming it. */
export async function readRgb(path: string, partOf: PartOf = wholeBox): Promise<RgbImage> {
  return decodeRgb(readImageFile(path), path, partOf);
}

/**
 * The bytes of a file, read at once: asynchronous reading costs 0.1 ms a file more than the 0.02 of this, and several
 * workers read several files at a time. Throws `DataError` when it is missing or cannot be read.
 */
export function readImageFile(path: string): Uint8Array {
  try {
    return readWhole(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new DataError(
      code === 'ENOENT' ? 'The image file is missing.' : `The image file could not be read: ${message}`,
      {
        where: path,
        next:
          code === 'ENOENT'
            ? 'Unpack the archive of this split again, or correct data.root; `gala data verify` lists every missing file.'
            : 'Check the permissions of the file and the disk it is on.',
        cause: error,
      },
    );
  }
}

/**
 * Decodes a file in memory, or at least the part of it that `partOf` wants; `path` is for the error. Throws `DataError` for
 * what is truncated, no image or too large.
 */
export async function decodeRgb(bytes: Uint8Array, path: string, partOf: PartOf = wholeBox): Promise<RgbImage> {
  const format = imageFormat(bytes);
  if (format === undefined) throw notAnImage(bytes, path);
  const frame = format === 'jpeg' ? jpegFrame(bytes) : undefined;
  const isCmyk = frame?.components === 4;
  const decoder = sharp(bytes, { failOn: 'truncated', ignoreIcc: true, limitInputPixels: mostPixels });
  const pipeline = isCmyk ? decoder.pipelineColourspace('cmyk').toColourspace('cmyk') : decoder.removeAlpha();
  try {
    // Rows below the part need not be decoded, but then nobody sees where the file ends: only with its end in place.
    if (frame !== undefined && isComplete(bytes)) {
      const part = partOf(frame);
      const data = await pipeline.extract(part).raw().toBuffer();
      return { pixels: isCmyk ? rgbOfCmyk(data) : data, height: frame.height, width: frame.width, part };
    }
    const { data, info } = await pipeline.raw().toBuffer({ resolveWithObject: true });
    partOf(info);
    return wholeImage(isCmyk ? rgbOfCmyk(data) : data, info);
  } catch (error) {
    throw notDecoded(error as Error, format, path);
  }
}

/** Whether a JPEG file ends with its end marker. */
function isComplete(bytes: Uint8Array): boolean {
  return bytes.at(-2) === 0xff && bytes.at(-1) === 0xd9;
}

function readWhole(path: string): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.allocUnsafe(fstatSync(file).size);
    let length = 0;
    for (let got = -1; length < bytes.length && got !== 0; length += got) {
      got = readSync(file, bytes, length, bytes.length - length, null);
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

/** Ink bytes → RGB: (255 − K) less the share of C, M or Y in it, rounded as Pillow's MULDIV255. */
function rgbOfCmyk(ink: Uint8Array): Uint8Array {
  const pixels = new Uint8Array((ink.length / 4) * 3);
  for (let from = 0, into = 0; from < ink.length; from += 4) {
    const light = 255 - ink[from + 3]!;
    for (let c = 0; c < 3; c++, into++) {
      const product = ink[from + c]! * light + 128;
      pixels[into] = Math.max(0, light - (((product >> 8) + product) >> 8));
    }
  }
  return pixels;
}

function notAnImage(bytes: Uint8Array, path: string): DataError {
  if (bytes.length === 0) return new DataError('The image file is empty.', { where: path, next: fetchAgain });
  const start = Buffer.from(bytes.subarray(0, 8)).toString('hex').replace(/../g, '$& ').trim();
  return new DataError(`The file is not an image: it begins with the bytes ${start}.`, {
    where: path,
    next: `JPEG, PNG, WebP, GIF and TIFF are read. ${fetchAgain}`,
  });
}

function notDecoded(error: Error, format: string, path: string): DataError {
  const [reason] = error.message.split('\n');
  const name = format.toUpperCase();
  const cutOff = /premature end|truncat|out of order read|not enough data|read error|libspng read|unexpected end/i;
  if (/pixel limit/i.test(error.message)) {
    return new DataError(`The ${name} image has more than ${mostPixels} pixels, as a decompression bomb would.`, {
      where: path,
      next: 'Make a smaller copy of the image, or take it out of the list.',
      cause: error,
    });
  }
  const what = cutOff.test(error.message) ? 'is truncated' : 'is damaged';
  return new DataError(`The ${name} image ${what}: ${reason}.`, { where: path, next: fetchAgain, cause: error });
}

const fetchAgain =
  'Fetch the file again or take it out of the list; `gala data verify --deep` finds every such file beforehand.';
