/**
 * Opens only regular files: a pipe or a device could keep gala waiting or never end. Readers set a limit on the size,
 * which depends on the kind of file that they expect.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { FormatFault } from './faults.js';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants;

const flagsOf = {
  /** Writes at the end; makes the file where it is missing. */
  append: O_WRONLY | O_CREAT | O_APPEND,
  /** Empties the file; makes it where it is missing. */
  replace: O_WRONLY | O_CREAT | O_TRUNC,
  /** Reads and writes an existing file. */
  change: O_RDWR,
};

const largestRead = 2 ** 30;
const pieceBytes = 2 ** 16;

/** Most bytes of a config or a sweep file, which is a page of text; a larger file was given by mistake. */
export const largestConfig = 2 ** 20;
/**
 * Most bytes of a text that a person or gala writes, such as a record. The largest known has some hundred kilobytes.
 */
export const largestText = 2 ** 26;
/** Most bytes of a log with one line per epoch: the longest text in Node has a few more characters. */
export const largestLog = 2 ** 29 - 2 ** 10;

export interface OpenedFile {
  readonly size: number;
  /**
   * Exactly `length` bytes in memory of their own, so that typed arrays over them are aligned. Throws `FormatFault`.
   */
  read(position: number, length: number): Buffer;
}

/** A descriptor of a regular file for reading; the caller closes it. Throws `FormatFault`, and the system's errors. */
export function openRegularFile(path: string): { readonly descriptor: number; readonly size: number } {
  // Without NONBLOCK, opening a named pipe waits for a writer.
  const descriptor = openSync(path, O_RDONLY | O_NONBLOCK);
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
    // Files of /proc have content, but their size is 0.
    return size === 0 ? readToEnd(path, descriptor, most) : readStart(descriptor, size);
  } finally {
    closeSync(descriptor);
  }
}

/** As `readRegularFile`, as UTF-8 text. */
export function readRegularText(path: string, most: number): string {
  return readRegularFile(path, most).toString('utf8');
}

/**
 * A descriptor of a regular file that is written in place. Throws the system's error: ELOOP for a link, EINVAL or ENXIO
 * for another kind of file.
 */
export function openForWriting(path: string, how: keyof typeof flagsOf): number {
  // Without NONBLOCK, opening a named pipe waits for a reader.
  const file = openSync(path, flagsOf[how] | O_NOFOLLOW | O_NONBLOCK, 0o644);
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  throw notRegular();
}

export function notRegular(): Error {
  return Object.assign(new Error('EINVAL: it is not a regular file, open'), { code: 'EINVAL', syscall: 'open' });
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
