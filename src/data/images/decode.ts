/**
 * Decodes image files to the RGB bytes of torchvision's loader (Pillow's `convert('RGB')`). EXIF orientation and
 * embedded profiles are ignored, alpha is dropped without blending, and CMYK is converted with Pillow's formula. One
 * difference on purpose: 16-bit gray keeps its high byte, where Pillow clips at 255 and makes images white.
 */
import { DataError } from '../../errors.js';
import { FormatFault } from '../../io/faults.js';
import { readRegularFile } from '../../io/regularFile.js';
import { bmpSize, decodeBmp } from './bmp.js';
import { fetchAgain, mostPixels, notAnImage, notDecoded } from './decodeFaults.js';
import { type ImageFormat, imageFormat, type JpegFrame, jpegFrame } from './format.js';
import { decodeNetpbm, netpbmHeader } from './netpbm.js';
import { type Box, type PartOf, type RgbImage, type Size, wholeBox, wholeImage } from './rgbImage.js';
import { sharp } from './sharp.js';
import { turboJpeg } from './turboJpeg.js';

/** Bytes: an uncompressed image of `mostPixels` has up to 0.7 GB. */
const largestImageFile = 2 ** 30;

/** Reads and decodes a file, or at least the part that `partOf` wants. Rejects with `DataError` naming the file. */
export async function readRgb(path: string, partOf: PartOf = wholeBox): Promise<RgbImage> {
  return decodeRgb(readImageFile(path), path, partOf);
}

/**
 * The bytes of an image file. Reading is synchronous, which takes 0.02 ms per file; asynchronous reading takes 0.1 ms
 * more, and workers read in parallel anyway. Throws `DataError` when the file is missing or cannot be read.
 */
export function readImageFile(path: string): Buffer {
  try {
    return readRegularFile(path, largestImageFile);
  } catch (error) {
    if (error instanceof FormatFault)
      throw new DataError(`The file is not an image: ${error.message}.`, {
        where: path,
        next: fetchAgain,
        cause: error,
      });
    const { code, message } = error as NodeJS.ErrnoException;
    throw new DataError(
      code === 'ENOENT' ? 'The image file is missing.' : `The image file could not be read: ${message}`,
      {
        where: path,
        next:
          code === 'ENOENT'
            ? 'Unpack the archive of this split again, or correct data.root; ' +
              '`gala data verify --config CONFIG --data DIR` lists every missing file.'
            : 'Check the permissions of the file and the disk it is on.',
        cause: error,
      },
    );
  }
}

/**
 * Decodes a file in memory, or at least the part that `partOf` wants; `path` is for errors. Rejects with `DataError`
 * for a file that is truncated, no image or too large.
 */
export async function decodeRgb(bytes: Uint8Array, path: string, partOf: PartOf = wholeBox): Promise<RgbImage> {
  const format = imageFormat(bytes);
  if (format === undefined) throw notAnImage(bytes, path);
  if (format === 'bmp' || format === 'netpbm') return readWithoutSharp(bytes, format, path, partOf);
  const frame = format === 'jpeg' ? jpegFrame(bytes) : undefined;
  const isCmyk = format === 'tiff' ? await isCmykTiff(bytes, path) : frame?.components === 4;
  try {
    // Without the end marker all rows are decoded, so that a truncated file is found.
    const part = frame !== undefined && isComplete(bytes) ? partOf(frame) : undefined;
    const image = frame && (await commonJpeg(bytes, frame, part));
    if (image) {
      if (part === undefined) partOf(image);
      return image;
    }
    const decoder = sharp(bytes, { failOn: 'truncated', ignoreIcc: true, limitInputPixels: mostPixels });
    const pipeline = isCmyk ? decoder.pipelineColourspace('cmyk').toColourspace('cmyk') : decoder.removeAlpha();
    if (frame !== undefined && part !== undefined) {
      const data = await pipeline.extract(part).raw().toBuffer();
      return { pixels: isCmyk ? rgbOfCmyk(data, 4) : data, height: frame.height, width: frame.width, part };
    }
    const { data, info } = await pipeline.raw().toBuffer({ resolveWithObject: true });
    partOf(info);
    return wholeImage(isCmyk ? rgbOfCmyk(data, info.channels) : data, info);
  } catch (error) {
    throw notDecoded(error as Error, format, path);
  }
}

/**
 * Decodes a common colour or gray JPEG down to the lower edge of `part`; undefined for a file that is unusual or
 * damaged.
 */
async function commonJpeg(bytes: Uint8Array, frame: JpegFrame, part: Box | undefined): Promise<RgbImage | undefined> {
  const { height, width, components, isCommon } = frame;
  if (!isCommon || components === 4 || height * width > mostPixels) return undefined;
  const rows = part === undefined ? height : part.top + part.height;
  const pixels = (await turboJpeg())?.(bytes, frame, rows);
  return pixels && { pixels, height, width, part: wholeBox({ height: rows, width }) };
}

/** The formats that sharp does not read. */
const readers = {
  bmp: { sizeOf: bmpSize, decode: decodeBmp },
  netpbm: { sizeOf: netpbmHeader, decode: decodeNetpbm },
};

function readWithoutSharp(bytes: Uint8Array, format: keyof typeof readers, path: string, partOf: PartOf): RgbImage {
  const { sizeOf, decode } = readers[format];
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const { height, width } = sizeOf(buffer);
    if (height * width > mostPixels) throw new FormatFault('it exceeds the pixel limit');
    partOf({ height, width });
    return wholeImage(decode(buffer), { height, width });
  } catch (error) {
    throw notDecoded(error as Error, format, path);
  }
}

/** Rejects with `DataError` for CMYK of more than 8 bits, for which sharp and Pillow give different colours. */
async function isCmykTiff(bytes: Uint8Array, path: string): Promise<boolean> {
  const { space, depth } = await sharp(bytes, { limitInputPixels: false })
    .metadata()
    .catch(error => {
      throw notDecoded(error as Error, 'tiff', path);
    });
  if (space !== 'cmyk' || depth === 'uchar') return space === 'cmyk';
  throw new DataError('The TIFF image has CMYK inks of more than 8 bits, which are not read.', {
    where: path,
    next: 'Convert it to RGB or to 8 bits, or take it out of the list.',
  });
}

export interface ImageHeader extends Size {
  readonly gray: boolean;
}

/** The size and colour of an image file; undefined for a JPEG without a frame header. Rejects with `DataError`. */
export async function readImageHeader(path: string): Promise<ImageHeader | undefined> {
  const bytes = readImageFile(path);
  const format = imageFormat(bytes);
  if (format === undefined) throw notAnImage(bytes, path);
  try {
    return await headerOf(bytes, format);
  } catch (error) {
    throw notDecoded(error as Error, format, path);
  }
}

async function headerOf(bytes: Buffer, format: ImageFormat): Promise<ImageHeader | undefined> {
  if (format === 'jpeg') {
    const frame = jpegFrame(bytes);
    return frame && { width: frame.width, height: frame.height, gray: frame.components === 1 };
  }
  if (format === 'bmp') return { ...bmpSize(bytes), gray: false };
  if (format === 'netpbm') {
    const { width, height, channels } = netpbmHeader(bytes);
    return { width, height, gray: channels === 1 };
  }
  const { width, height, space } = await sharp(bytes).metadata();
  return { width, height, gray: space === 'b-w' || space === 'grey16' };
}

/** Whether a JPEG file ends with its end marker. */
function isComplete(bytes: Uint8Array): boolean {
  return bytes.at(-2) === 0xff && bytes.at(-1) === 0xd9;
}

/**
 * Converts CMYK to RGB: (255 − K) · (1 − ink / 255), rounded as Pillow's MULDIV255. Channels after the four inks
 * are dropped.
 */
function rgbOfCmyk(ink: Uint8Array, channels: number): Uint8Array {
  const pixels = new Uint8Array((ink.length / channels) * 3);
  for (let from = 0, into = 0; from < ink.length; from += channels) {
    const light = 255 - ink[from + 3]!;
    for (let c = 0; c < 3; c++, into++) {
      const product = ink[from + c]! * light + 128;
      pixels[into] = Math.max(0, light - (((product >> 8) + product) >> 8));
    }
  }
  return pixels;
}
