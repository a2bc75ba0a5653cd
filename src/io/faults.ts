/** What can be wrong with a file: its content does not follow its format, or the system cannot read or write it. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { StorageError } from '../errors.js';
import { shellWord } from './shellWord.js';

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

/** By code: what happened, in words, and the remedy. */
const faults: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  ENOSPC: ['the disk is full', 'Free space there (df -h shows how much there is), then try again.'],
  EDQUOT: ['your quota is used up', 'Free space there (quota -s), then try again.'],
  EFBIG: ['a limit on the size of files is in force', 'Raise it (ulimit -f), then try again.'],
  EROFS: ['the file system is mounted read-only', 'Mount it for writing, then try again.'],
  EACCES: ['permission is missing', 'Change the permissions (ls -ld shows them and the owner), then try again.'],
  EPERM: ['it is protected', 'Change its attributes (lsattr -d shows them) or owner, then try again.'],
  ENOENT: ['there is no such file or folder', 'Check the path.'],
  ENOTDIR: ['a part of the path is a file, not a folder', 'Check the path.'],
  EISDIR: ['this is a folder', 'Give the path of a file.'],
  ENAMETOOLONG: ['the path is too long for this file system', 'Take a shorter one.'],
  ELOOP: ['a link lies in place of the file', 'Move the link away, then try again.'],
  EINVAL: ['it is not a regular file', 'Give another path: what lies there is no file that can be written.'],
  EMFILE: ['too many files are open', 'Raise the limit (ulimit -n), then try again.'],
  EIO: ['the disk or network file system failed', 'Repair it (dmesg may say why), then try again.'],
  ESTALE: ['the network file system lost this folder', 'Mount it again, then try again.'],
};

const notAsExpected = 'Put the file that is expected in its place, or correct the path.';
const otherwise = 'Check free space and permissions there, and free memory, then try again.';

/**
 * A `StorageError` of a failed file operation: `what` happened, at `where`, with the remedy that fits the error's code.
 */
export function diskFault(what: string, where: string, error: unknown): StorageError {
  const next = error instanceof FormatFault ? notAsExpected : remedyOf(where, error as NodeJS.ErrnoException);
  return new StorageError(`${what}: ${reasonOf(error)}`, { where, next, cause: error });
}

/**
 * What `read` returns of the file `path`. Throws `StorageError`: with `next` where the file does not follow the format,
 * with the system's remedy where it cannot be read.
 */
export function readFormat<T>(format: string, path: string, next: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormatFault && error.path === undefined)
      throw new StorageError(`Not a usable ${format} file: ${error.message}.`, { where: path, next, cause: error });
    throw diskFault(`Could not read the ${format} file`, path, error);
  }
}

/**
 * `the disk is full` for an error of the system, `splits.train is missing` or `status: Invalid option …` for
 * the first fault that a schema found; the message of any other error.
 */
export function reasonOf(error: unknown): string {
  const { message, code, issues } = error as NodeJS.ErrnoException & Partial<z.ZodError>;
  if (issues?.[0]) return schemaFault(issues[0]);
  if (code === undefined) return message;
  return faults[code]?.[0] ?? message.replace(/ '.*$/s, '');
}

function schemaFault({ path, message }: z.core.$ZodIssue): string {
  const key = path.join('.') || 'the file';
  return message.endsWith('received undefined') ? `${key} is missing` : `${key}: ${message}`;
}

function remedyOf(path: string, { code = '' }: NodeJS.ErrnoException): string {
  const folder = dirname(path);
  if (code !== 'ENOENT' || existsSync(folder)) return faults[code]?.[1] ?? otherwise;
  return (
    `The folder ${folder} is not there: correct the path, or make the folder (mkdir -p ${shellWord(folder)}); ` +
    'if it was removed or renamed while gala worked in it, put it back.'
  );
}
