/** Reading parts of a file whose size is known and whose content is not trusted: nothing is allocated for bytes that are not there. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { FormatFault } from './formatFault.js';

const largestRead = 2 ** 30;

export interface OpenedFile {
  readonly size: number;
  /** Exactly `length` bytes in memory of their own, so that typed arrays over them are aligned. Throws `FormatFault`. */
  read(position: number, length: number): Buffer;
}

/** Opens a regular file for `action` and closes it after. Throws `FormatFault`, and the system's errors. */
export function withOpenedFile<T>(path: string, action: (file: OpenedFile) => T): T {
  // Without NONBLOCK a named pipe in place of the file would wait for ever.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new FormatFault('it is not a regular file');
    return action({ size: stat.size, read: (position, length) => readAt(descriptor, stat.size, position, length) });
  } finally {
    closeSync(descriptor);
  }
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
