/** The size and colour of an image, from the beginning of its file. */
import { bmpSize } from '../data/images/bmp.js';
import { readImageFile } from '../data/images/decode.js';
import { imageFormat, jpegFrame } from '../data/images/format.js';
import { netpbmHeader } from '../data/images/netpbm.js';
import { sharp } from '../data/images/sharp.js';

export interface ImageHeader {
  readonly width: number;
  readonly height: number;
  readonly gray: boolean;
}

/**
 * The header of a file that decodes; undefined where it names no size. Throws `DataError` where the file cannot be
 * read.
 */
export async function imageHeader(path: string): Promise<ImageHeader | undefined> {
  const bytes = Buffer.from(readImageFile(path));
  const format = imageFormat(bytes);
  if (format === 'jpeg') {
    const frame = jpegFrame(bytes);
    return frame && { width: frame.width, height: frame.height, gray: frame.components === 1 };
  }
  if (format === 'bmp') return { ...bmpSize(bytes), gray: false };
  if (format === 'netpbm') return { ...netpbmHeader(bytes), gray: bytes[1] === 0x35 };
  const { width, height, space } = await sharp(bytes).metadata();
  return { width, height, gray: space === 'b-w' || space === 'grey16' };
}
