/**
 * Loaded into gala before it starts (`node --import`): kills the process, as SIGKILL from outside would, at one exact
 * file operation. GALA_KILL_AT = `<when> <file> <n>`, the n-th time from 1: `writing` = half the bytes of a write to
 * the file or its temp file are done, `before` = the temp file is whole and not yet renamed, `after` = it has been
 * renamed. The event file, which has the time in its name, is called `events`. `at operation <n>` = the n-th of all
 * writes (half done; those to one file in a row count once), syncs and renames (not done); when the process ends by
 * itself, it says on stderr how many there were: `file operations: <n>`. GALA_KILL_WITH = another signal than SIGKILL.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const [when, file, count] = (process.env.GALA_KILL_AT ?? '').split(' ');
let left = Number(count);

if (isMainThread && when !== undefined && file !== undefined) {
  const { openSync, writeSync, renameSync, fsyncSync } = fs;
  const paths = new Map<number, string>();
  const isDue = (moment: string, path: string) =>
    moment === when &&
    basename(path)
      .replace(/\.[0-9a-f]+\.tmp$/, '')
      .replace(/^events\.out\..*/, 'events') === file &&
    --left === 0;
  const die = () => process.kill(process.pid, process.env.GALA_KILL_WITH ?? 'SIGKILL');
  let operations = 0;
  let lastWritten = -1;
  const isDueOfAll = (written = -1) => {
    const isNew = written === -1 || written !== lastWritten;
    lastWritten = written;
    return isNew && ++operations === left && when === 'at';
  };
  if (when === 'at') process.on('exit', () => writeSync(2, Buffer.from(`file operations: ${operations}\n`)));

  fs.openSync = (path, flags, mode) => {
    const handle = openSync(path, flags, mode);
    paths.set(handle, String(path));
    return handle;
  };
  // gala writes buffers only: (file, bytes), or (file, bytes, offset, length).
  const write = (handle: number, bytes: Uint8Array, offset = 0, length = bytes.byteLength - offset): number => {
    if (!isDueOfAll(handle) && !isDue('writing', paths.get(handle) ?? ''))
      return writeSync(handle, bytes, offset, length);
    writeSync(handle, bytes, offset, Math.ceil(length / 2));
    die();
    return length;
  };
  fs.writeSync = write as typeof fs.writeSync;
  fs.fsyncSync = handle => {
    if (isDueOfAll()) die();
    fsyncSync(handle);
  };
  fs.renameSync = (from, to) => {
    if (isDueOfAll() || isDue('before', String(to))) die();
    renameSync(from, to);
    if (isDue('after', String(to))) die();
  };
  syncBuiltinESMExports();
}
