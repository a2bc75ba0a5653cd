/**
 * Decodes binary PPM and PGM files (P6, P5), for instance of traffic signs. sharp is built without a reader for them.
 */
import { FormatFault } from '../../io/faults.js';

export interface NetpbmHeader {
  readonly height: number;
  readonly width: number;
  /** 3 for PPM, 1 for PGM. */
  readonly channels: number;
  /** First byte of the pixels. */
  readonly offset: number;
}

/** `P6` or `P5`, width, height and the largest value, separated by white space and comments; then one white space. */
const headerPattern = /^P([56])(?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})\s/;
const longestHeader = 4096;

/** Throws `FormatFault`, also where the values do not have the range 0 … 255, which Pillow would scale or clip. */
export function netpbmHeader(bytes: Buffer): NetpbmHeader {
  const match = headerPattern.exec(bytes.toString('latin1', 0, longestHeader));
  if (match === null) throw new FormatFault('it has no header of PPM or PGM');
  const [width, height, largest] = match.slice(2).map(Number) as [number, number, number];
  if (width === 0 || height === 0) throw new FormatFault(`it has ${height} × ${width} pixels`);
  if (largest !== 255) throw new FormatFault(`its largest value is ${largest}, and gala reads 255`);
  return { height, width, channels: match[1] === '6' ? 3 : 1, offset: match[0].length };
}

/** RGB bytes, [height, width, 3]. Throws `FormatFault`. */
export function decodeNetpbm(bytes: Buffer): Uint8Array {
  const { height, width, channels, offset } = netpbmHeader(bytes);
  const end = offset + channels * height * width;
  if (bytes.length < end) throw new FormatFault(`it ends before byte ${end}`);
  if (channels === 3) return new Uint8Array(bytes.subarray(offset, end));
  const pixels = new Uint8Array(3 * height * width);
  for (let i = 0; i < height * width; i++) pixels.fill(bytes[offset + i]!, 3 * i, 3 * i + 3);
  return pixels;
}
