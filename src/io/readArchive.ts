import { list, type ReadEntry } from 'tar';
import { DataError } from '../errors.js';
import { readPlainOrGzip } from './plainOrGzip.js';

/**
 * Content of a file that may be packed with gzip, with tar, or both; of a tar archive that of its one file whose name
 * is `wanted`. What it is tells the content, not the name. Throws `DataError` that names `where`.
 */
export function readArchive(path: string, wanted: (name: string) => boolean, where = path): Buffer {
  const bytes = readPlainOrGzip(path, where);
  if (bytes.toString('latin1', 257, 262) !== 'ustar') return bytes;
  const found: { name: string; chunks: Buffer[] }[] = [];
  const fault = (message: string, cause?: unknown) =>
    new DataError(message, { where, next: 'Give the file itself, or its archive as it was published.', cause });
  try {
    list({
      file: path,
      sync: true,
      strict: true,
      onReadEntry: (entry: ReadEntry) => {
        if (entry.type !== 'File' || !wanted(entry.path)) return;
        const member = { name: entry.path, chunks: [] as Buffer[] };
        found.push(member);
        entry.on('data', chunk => member.chunks.push(Buffer.from(chunk)));
      },
    });
  } catch (error) {
    throw fault(`The archive is damaged: ${(error as Error).message}`, error);
  }
  const [only, second] = found;
  if (only === undefined) throw fault('The archive holds no file of the kind that is wanted.');
  if (second !== undefined) throw fault(`The archive holds several files: ${only.name}, ${second.name}.`);
  return Buffer.concat(only.chunks);
}
