/** The errors for files that are no image, or that cannot be decoded. */
import { DataError, type GalaError } from '../../errors.js';
import { memoryError } from '../../machine/memory.js';

/** Pillow refuses an image with more pixels as a decompression bomb. */
export const mostPixels = 178_956_970;

export const fetchAgain =
  'Fetch the file again or take it out of the list; ' +
  '`gala data verify --config CONFIG --data DIR --deep` finds every such file beforehand.';

/** The error for a file that begins as no image does. */
export function notAnImage(bytes: Uint8Array, path: string): DataError {
  if (bytes.length === 0) return new DataError('The image file is empty.', { where: path, next: fetchAgain });
  const start = Buffer.from(bytes.subarray(0, 8)).toString('hex').replace(/../g, '$& ').trim();
  return new DataError(`The file is not an image: it begins with the bytes ${start}.`, {
    where: path,
    next: `JPEG, PNG, WebP, GIF, TIFF, BMP, PPM and PGM are read. ${fetchAgain}`,
  });
}

/**
 * The error for an image that `error` of a decoder ended: `DataError`, or for lack of memory `EngineError`, because the
 * file may be sound.
 */
export function notDecoded(error: Error, format: string, path: string): GalaError {
  const short = memoryError(`${path} could not be decoded`, error);
  if (short) return short;
  const [reason] = error.message.split('\n');
  const name = format.toUpperCase();
  const cutOff =
    /premature end|truncat|out of order read|not enough data|read error|libspng read|unexpected end|it ends before/i;
  if (/pixel limit/i.test(error.message)) {
    return new DataError(`The ${name} image has more than ${mostPixels} pixels, as a decompression bomb would.`, {
      where: path,
      next: 'Make a smaller copy of the image, or take it out of the list.',
      cause: error,
    });
  }
  const what = cutOff.test(error.message) ? 'is truncated' : 'is damaged';
  // The words of a library tell its own names; the error's cause keeps them.
  const own = /^its? /.test(reason!) ? `: ${reason}` : '';
  return new DataError(`The ${name} image ${what}${own}.`, { where: path, next: fetchAgain, cause: error });
}
