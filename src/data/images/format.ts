/**
 * The format of an image file by its first bytes: names are unreliable (ImageNet has PNG and CMYK files named .JPEG).
 */

export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'bmp' | 'netpbm';

/** Files of a class folder with these endings are images; their content decides the format. */
export const imageEndings = [
  'jpg',
  'jpeg',
  'jpe',
  'jfif',
  'png',
  'webp',
  'gif',
  'tif',
  'tiff',
  'bmp',
  'dib',
  'ppm',
  'pgm',
] as const;

/** The format by its magic number; undefined for a format that gala does not decode. */
export function imageFormat(bytes: Uint8Array): ImageFormat | undefined {
  const starts = (at: number, ...magic: readonly number[]) => magic.every((byte, i) => bytes[at + i] === byte);
  if (starts(0, 0xff, 0xd8, 0xff)) return 'jpeg';
  if (starts(0, 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return 'png';
  if (starts(0, 0x52, 0x49, 0x46, 0x46) && starts(8, 0x57, 0x45, 0x42, 0x50)) return 'webp';
  if (starts(0, 0x47, 0x49, 0x46, 0x38)) return 'gif';
  if (starts(0, 0x49, 0x49, 0x2a, 0x00) || starts(0, 0x4d, 0x4d, 0x00, 0x2a)) return 'tiff';
  if (starts(0, 0x42, 0x4d) && bytes.length >= 18 && bytes[14]! >= 12 && starts(15, 0, 0, 0)) return 'bmp';
  if (starts(0, 0x50, 0x35) || starts(0, 0x50, 0x36)) return 'netpbm';
  return undefined;
}

export interface JpegFrame {
  readonly height: number;
  readonly width: number;
  /** 1 gray, 3 colour, 4 CMYK. */
  readonly components: number;
  /** Whether it is coded as nearly all files: DCT with 8 bits per sample, baseline or progressive, Huffman codes. */
  readonly isCommon: boolean;
}

/** The frame header of a JPEG file (ITU-T T.81, B.2.2); undefined where the file has none. */
export function jpegFrame(bytes: Uint8Array): JpegFrame | undefined {
  for (let at = 2; at + 9 < bytes.length; ) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++; // fill byte
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    const word = (offset: number) => bytes[at + offset]! * 256 + bytes[at + offset + 1]!;
    if (isFrame) {
      const isCommon = marker <= 0xc2 && bytes[at + 4] === 8;
      return { height: word(5), width: word(7), components: bytes[at + 9]!, isCommon };
    }
    at += 2 + word(2);
  }
  return undefined;
}
