/** What can be wrong with a file: its content does not follow its format, or the system cannot read or write it. */
import { type ErrorDetails, StorageError } from '../errors.js';

/**
 * A file does not follow its format. The reader of the file turns this error into a typed one, with the path and a
 * remedy. `path` is set where a caller further up may have to name the file.
 */
export class FormatFault extends Error {
  constructor(
    message: string,
    readonly path?: string,
  ) {
    super(message);
  }
}

/** By the system's error code. */
const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: free space there (df -h shows how much there is), then try again.',
  EDQUOT: 'Your quota is used up: free space there (quota -s), then try again.',
  EFBIG: 'A limit on the size of files is in force (ulimit -f): raise it, then try again.',
  EROFS: 'The file system is mounted read-only: mount it for writing, then try again.',
  EACCES: 'Permission is missing: change it (ls -ld shows the owner and the permissions), then try again.',
  EPERM: 'It is protected: change its attributes (lsattr -d shows them) or owner, then try again.',
  ENOENT: 'Check the path; a folder that was removed or renamed while gala worked in it can be put back.',
  ENOTDIR: 'A part of the path is a file, not a folder: check the path.',
  EISDIR: 'A folder has this name: remove it or check the path.',
  ENAMETOOLONG: 'The path is too long for this file system: take a shorter one.',
  ELOOP: 'A link lies in place of the file: remove the link, then try again.',
  EINVAL: 'What lies there is no file that can be written: remove it or check the path, then try again.',
  EMFILE: 'Too many files are open: raise the limit (ulimit -n), then try again.',
  EIO: 'The disk or network file system failed (dmesg may say why): repair it, then try again.',
  ESTALE: 'The network file system lost this folder: mount it again, then try again.',
};

const notAsExpected = 'Put the file that is expected in its place, or correct the path.';
const otherwise = 'Check free space and permissions there, then try again.';

/**
 * A `StorageError` of a failed file operation: `what` happened, at `where`, with the remedy that fits the error's code.
 */
export function diskFault(what: string, where: string, error: unknown): StorageError {
  const { code = '' } = error as NodeJS.ErrnoException;
  const details: ErrorDetails = {
    where,
    next: error instanceof FormatFault ? notAsExpected : (remedies[code] ?? otherwise),
    cause: error,
  };
  return new StorageError(`${what}: ${reasonOf(error)}`, details);
}

/**
 * `ENOSPC: no space left on device, write` of Node's `ENOSPC: no space left on device, write '/a/b'`: the place has a
 * line of its own.
 */
export function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return code === undefined ? message : message.replace(/ '.*$/s, '');
}
