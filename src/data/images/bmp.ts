/**
 * Decodes BMP files to the RGB bytes of Pillow's `convert('RGB')`: palettes of 1, 4 and 8 bits, also with run-length
 * coding, and 16, 24 and 32 bits, from OS/2's 12-byte header to version 5. Alpha is dropped. sharp does not read BMP,
 * and the packages bmp-ts, fast-bmp and decode-bmp give other bytes or refuse most of these variants.
 */
import { FormatFault } from '../../io/faults.js';

export interface BmpSize {
  readonly height: number;
  readonly width: number;
}

interface Header extends BmpSize {
  /** First byte of the pixels. */
  readonly offset: number;
  readonly bits: number;
  readonly compression: number;
  /** Whether the first row in the file is the top row. */
  readonly topDown: boolean;
  /** RGB of each index, [colours × 3]. */
  readonly palette: Uint8Array;
  /** The bits of red, green and blue in a pixel of 16 or 32 bits. */
  readonly masks: readonly number[];
}

const fileHeader = 14;
const os2Header = 12;
const infoHeader = 40;
/** A header of so many bytes or more contains the colour masks. */
const headerWithMasks = 52;
const [plain, runLength8, runLength4, bitFields, alphaBitFields] = [0, 1, 2, 3, 6];
const masksOf16 = [0x7c00, 0x03e0, 0x001f];
const masksOf32 = [0xff0000, 0x00ff00, 0x0000ff];

/** Height and width in pixels. Throws `FormatFault`. */
export function bmpSize(bytes: Buffer): BmpSize {
  need(bytes, fileHeader + os2Header);
  if (bytes.readUInt32LE(14) === os2Header) return sized(bytes.readUInt16LE(18), bytes.readUInt16LE(20));
  need(bytes, fileHeader + infoHeader);
  return sized(bytes.readInt32LE(18), Math.abs(bytes.readInt32LE(22)));
}

/** RGB bytes, [height, width, 3]. Throws `FormatFault` for a file that is cut off, damaged or of an unknown variant. */
export function decodeBmp(bytes: Buffer): Uint8Array {
  const header = readHeader(bytes);
  const { height, width, bits, compression } = header;
  const isRunLength = compression === runLength8 || compression === runLength4;
  const indices = isRunLength ? runLengthIndices(bytes, header) : undefined;
  const rowBytes = 4 * Math.ceil((bits * width) / 32);
  if (indices === undefined) need(bytes, header.offset + rowBytes * height);
  const pixels = new Uint8Array(3 * height * width);
  const colourOf = bits > 8 && bits !== 24 ? fieldReader(header) : undefined;
  for (let line = 0; line < height; line++) {
    const row = header.topDown ? line : height - 1 - line;
    const from = header.offset + line * rowBytes;
    for (let x = 0, into = 3 * row * width; x < width; x++, into += 3) {
      if (bits === 24) {
        for (let c = 0; c < 3; c++) pixels[into + c] = bytes[from + 3 * x + 2 - c]!;
      } else if (colourOf !== undefined) {
        const pixel = bits === 16 ? bytes.readUInt16LE(from + 2 * x) : bytes.readUInt32LE(from + 4 * x);
        for (let c = 0; c < 3; c++) pixels[into + c] = colourOf(pixel, c);
      } else {
        const index = indices === undefined ? packedIndex(bytes, from, x, bits) : indices[line * width + x]!;
        for (let c = 0; c < 3; c++) pixels[into + c] = header.palette[3 * index + c] ?? 0;
      }
    }
  }
  return pixels;
}

function sized(width: number, height: number): BmpSize {
  if (width > 0 && height > 0) return { height, width };
  throw new FormatFault(`it has ${height} × ${width} pixels`);
}

function readHeader(bytes: Buffer): Header {
  const size = bmpSize(bytes);
  const headerBytes = bytes.readUInt32LE(14);
  const isOs2 = headerBytes === os2Header;
  const bits = bytes.readUInt16LE(isOs2 ? 24 : 28);
  const compression = isOs2 ? plain : bytes.readUInt32LE(30);
  const hasFields = compression === bitFields || compression === alphaBitFields;
  const known =
    compression === plain ||
    (compression === runLength8 && bits === 8) ||
    (compression === runLength4 && bits === 4) ||
    (hasFields && (bits === 16 || bits === 32));
  if (!known || ![1, 4, 8, 16, 24, 32].includes(bits))
    throw new FormatFault(`it has ${bits} bits a pixel in compression ${compression}, which gala does not read`);
  let tableStart = fileHeader + headerBytes;
  let masks: readonly number[] = bits === 16 ? masksOf16 : masksOf32;
  if (hasFields) {
    const at = fileHeader + infoHeader;
    need(bytes, at + 12);
    masks = [0, 4, 8].map(field => bytes.readUInt32LE(at + field));
    if (headerBytes < headerWithMasks) tableStart += compression === alphaBitFields ? 16 : 12;
  }
  const entry = isOs2 ? 3 : 4;
  const given = isOs2 ? 0 : bytes.readUInt32LE(46);
  const colours = bits > 8 ? 0 : Math.min(given === 0 ? 2 ** bits : given, 2 ** bits);
  need(bytes, tableStart + entry * colours);
  const palette = new Uint8Array(3 * colours);
  for (let i = 0; i < palette.length; i++) palette[i] = bytes[tableStart + entry * Math.floor(i / 3) + 2 - (i % 3)]!;
  const topDown = !isOs2 && bytes.readInt32LE(22) < 0;
  return { ...size, offset: bytes.readUInt32LE(10), bits, compression, topDown, palette, masks };
}

/** Returns a function that scales a channel of a pixel to 0 … 255 and rounds it down, as Pillow does. */
function fieldReader({ masks }: Header): (pixel: number, channel: number) => number {
  const fields = masks.map(mask => {
    const shift = mask === 0 ? 0 : Math.clz32(mask & -mask) ^ 31;
    return { mask, shift, most: Math.max(1, mask >>> shift) };
  });
  return (pixel, channel) => {
    const { mask, shift, most } = fields[channel]!;
    return Math.floor((((pixel & mask) >>> shift) * 255) / most);
  };
}

function packedIndex(bytes: Buffer, row: number, x: number, bits: number): number {
  const at = bits * x;
  return (bytes[row + (at >> 3)]! >> (8 - bits - (at & 7))) & (2 ** bits - 1);
}

/** Decodes run lengths to palette indices in the order of the file, [height × width]. Skipped pixels have index 0. */
function runLengthIndices(bytes: Buffer, { offset, height, width, compression }: Header): Uint8Array {
  const indices = new Uint8Array(height * width);
  const isHalf = compression === runLength4;
  let [at, x, y] = [offset, 0, 0];
  const take = () => {
    need(bytes, at + 1);
    return bytes[at++]!;
  };
  const put = (index: number) => {
    if (x < width && y < height) indices[y * width + x] = index;
    x++;
  };
  while (y < height) {
    const [count, value] = [take(), take()];
    if (count > 0) {
      for (let i = 0; i < count; i++) put(isHalf ? (value >> (i % 2 ? 0 : 4)) & 15 : value);
    } else if (value === 0) {
      [x, y] = [0, y + 1];
    } else if (value === 1) {
      break;
    } else if (value === 2) {
      [x, y] = [x + take(), y + take()];
    } else {
      let pair = 0;
      for (let i = 0; i < value; i++) {
        if (!isHalf || i % 2 === 0) pair = take();
        put(isHalf ? (pair >> (i % 2 ? 0 : 4)) & 15 : pair);
      }
      if ((at - offset) % 2) at++; // such a run is padded to 16 bits
    }
  }
  return indices;
}

function need(bytes: Buffer, length: number): void {
  if (bytes.length < length) throw new FormatFault(`it ends before byte ${length}`);
}
