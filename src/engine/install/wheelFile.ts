/** Reads wheels, which are zip files. Members are streamed to disk and never whole in memory. */
import { createReadStream, createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, createInflateRaw } from 'node:zlib';
import { EngineError } from '../../errors.js';
import { FormatFault } from '../../io/faults.js';
import { type OpenedFile, withOpenedFile } from '../../io/regularFile.js';
import { memberStart, readZipMembers, type ZipMember } from '../../io/zip.js';

/** The members of a wheel, by path. Throws `EngineError` for a file that is not a zip file. */
export function readWheelDirectory(path: string): Map<string, ZipMember> {
  return undamaged(path, undefined, readZipMembers);
}

/** Unpacks one member to `target` and flushes it to disk; throws `EngineError` when its size or CRC-32 differs. */
export async function extractMember(wheel: string, member: ZipMember, target: string): Promise<void> {
  const start = undamaged(wheel, member.path, file => memberStart(file, member));
  const source = createReadStream(wheel, { start, end: start + member.compressedBytes - 1, highWaterMark: 1 << 20 });
  let bytes = 0;
  let checksum = 0;
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      checksum = crc32(chunk, checksum);
      done(null, chunk);
    },
  });
  const sink = createWriteStream(target, { flags: 'wx', mode: 0o644, flush: true });
  if (member.deflated) await pipeline(source, createInflateRaw({ chunkSize: 1 << 20 }), check, sink);
  else await pipeline(source, check, sink);
  if (bytes !== member.bytes || checksum !== member.crc32) throw damaged(wheel, member.path);
}

function undamaged<T>(path: string, member: string | undefined, read: (file: OpenedFile) => T): T {
  try {
    return withOpenedFile(path, read);
  } catch (error) {
    throw error instanceof FormatFault ? damaged(path, member) : error;
  }
}

function damaged(path: string, member?: string): EngineError {
  return new EngineError(
    member ? `The wheel's member ${member} cannot be unpacked.` : 'This is not a readable wheel.',
    {
      where: path,
      next: 'Fetch the wheel again: gala engine install.',
    },
  );
}
