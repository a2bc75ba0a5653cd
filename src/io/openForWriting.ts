/**
 * Opening a file that is written in place: never through a link, and never a pipe or a device, whatever lies under its
 * name.
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR, O_TRUNC, O_WRONLY } = constants;

const flagsOf = {
  /** At its end; it is made where it is missing. */
  append: O_WRONLY | O_CREAT | O_APPEND,
  /** From its beginning, empty; it is made where it is missing. */
  replace: O_WRONLY | O_CREAT | O_TRUNC,
  /** Reading and writing what is there. */
  change: O_RDWR,
};

/**
 * The descriptor of a regular file. Throws the system's error: ELOOP for a link, EINVAL or ENXIO for what is no file.
 */
export function openForWriting(path: string, how: keyof typeof flagsOf): number {
  // Without NONBLOCK a named pipe would wait for ever for its reader.
  const file = openSync(path, flagsOf[how] | O_NOFOLLOW | O_NONBLOCK, 0o644);
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  throw notRegular();
}

export function notRegular(): Error {
  return Object.assign(new Error('EINVAL: it is not a regular file, open'), { code: 'EINVAL', syscall: 'open' });
}
