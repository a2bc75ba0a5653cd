/**
 * Opening a file that gala did not make: only a regular one, never a pipe or a device that would keep a reader waiting
 * or never end, and no more of it than fits the kind of file that is expected.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { FormatFault } from './formatFault.js';

const largestRead = 2 ** 30;
const pieceBytes = 2 ** 16;

/** Bytes of a config or a sweep file: a page of text; a larger file is something else, given by mistake. */
export const largestConfig = 2 ** 20;
/** Bytes of a text that a person or gala writes: a record, a manifest. The largest known has some hundred kilobytes. */
export const largestText = 2 ** 26;
/** Bytes of a log with a line an epoch: a text in Node has at most a few more characters. */
export const largestLog = 2 ** 29 - 2 ** 10;

export interface OpenedFile {
  readonly size: number;
  /**
   * Exactly `length` bytes in memory of their own, so that typed arrays over them are aligned. Throws `FormatFault`.
   */
  read(position: number, length: number): Buffer;
}

/**
 * A descriptor of a regular file, for reading; whoever opens it closes it. Throws `FormatFault`, and the system's
 * errors.
 */
export function openRegularFile(path: string): { readonly descriptor: number; readonly size: number } {
  // Without NONBLOCK a named pipe in place of the file would wait for ever.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw new FormatFault(`it is ${kindOf(stats)}, not a regular file`, path);
    return { descriptor, size: stats.size };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** Opens a regular file for `action` and closes it after. Throws `FormatFault`, and the system's errors. */
export function withOpenedFile<T>(path: string, action: (file: OpenedFile) => T): T {
  const { descriptor, size } = openRegularFile(path);
  try {
    return action({ size, read: (position, length) => readAt(descriptor, size, position, length) });
  } finally {
    closeSync(descriptor);
  }
}

/** The bytes of a regular file of at most `most` bytes. Throws `FormatFault` for another, and the system's errors. */
export function readRegularFile(path: string, most: number): Buffer {
  const { descriptor, size } = openRegularFile(path);
  try {
    if (size > most) throw tooLarge(path, `it has ${size} bytes`, most);
    // Files of /proc say that they have 0 bytes, and hold some.
    return size === 0 ? readToEnd(path, descriptor, most) : readStart(descriptor, size);
  } finally {
    closeSync(descriptor);
  }
}

/** The same as UTF-8 text. */
export function readRegularText(path: string, most: number): string {
  return readRegularFile(path, most).toString('utf8');
}

function kindOf(stats: Stats): string {
  if (stats.isFIFO()) return 'a named pipe';
  if (stats.isDirectory()) return 'a folder';
  return stats.isCharacterDevice() || stats.isBlockDevice() ? 'a device' : 'a socket';
}

function tooLarge(path: string, what: string, most: number): FormatFault {
  return new FormatFault(`${what}, and gala reads at most ${most} of such a file`, path);
}

/** The first `size` bytes; fewer of a file that became shorter meanwhile. */
function readStart(descriptor: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let length = 0;
  for (let got = -1; length < size && got !== 0; length += got) {
    got = readSync(descriptor, bytes, length, Math.min(size - length, largestRead), null);
  }
  return bytes.subarray(0, length);
}

function readToEnd(path: string, descriptor: number, most: number): Buffer {
  const pieces: Buffer[] = [];
  for (let length = 0; length <= most; ) {
    const piece = Buffer.allocUnsafe(pieceBytes);
    const got = readSync(descriptor, piece, 0, pieceBytes, null);
    if (got === 0) return Buffer.concat(pieces);
    pieces.push(piece.subarray(0, got));
    length += got;
  }
  throw tooLarge(path, 'it does not end', most);
}

function readAt(descriptor: number, size: number, position: number, length: number): Buffer {
  if (!(position >= 0 && length >= 0 && position + length <= size))
    throw new FormatFault(`bytes ${position} to ${position + length} are needed, but it has only ${size}`);
  const bytes = Buffer.from(new ArrayBuffer(length));
  let done = 0;
  while (done < length) {
    const count = readSync(descriptor, bytes, done, Math.min(length - done, largestRead), position + done);
    if (count === 0) throw new FormatFault('it became shorter while it was read');
    done += count;
  }
  return bytes;
}
