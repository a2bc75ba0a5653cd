/** A wheel is a zip file: its checksum, and its members streamed to disk without holding them in memory. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, createInflateRaw } from 'node:zlib';
import { EngineError } from '../../errors.js';

export interface ZipMember {
  readonly path: string;
  readonly bytes: number;
  readonly compressedBytes: number;
  readonly crc32: number;
  readonly deflated: boolean;
  readonly headerOffset: number;
}

// Signatures and sizes of the zip format (PKWARE APPNOTE 4.3.7, 4.3.12, 4.3.16).
const endSignature = 0x06054b50;
const endBytes = 22;
const centralSignature = 0x02014b50;
const centralBytes = 46;
const localSignature = 0x04034b50;
const localBytes = 30;

/** sha256 in hex of a file, read in pieces. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** The table of contents of a zip file, by path. Throws `EngineError` for a file that is not a zip below 4 GB. */
export async function readZipDirectory(path: string): Promise<Map<string, ZipMember>> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const tail = await readAt(file, Math.max(0, size - endBytes - 0xffff), size);
    const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
    if (end < 0 || tail.length - end < endBytes || tail.readUInt32LE(end) !== endSignature) throw damaged(path);
    const start = tail.readUInt32LE(end + 16);
    const directory = await readAt(file, start, start + tail.readUInt32LE(end + 12));
    return parseDirectory(directory, tail.readUInt16LE(end + 10), path);
  } finally {
    await file.close();
  }
}

/** Unpacks one member to `target` and flushes it to disk; throws `EngineError` when its size or CRC-32 differs. */
export async function extractMember(wheel: string, member: ZipMember, target: string): Promise<void> {
  const start = await dataOffset(wheel, member);
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

function parseDirectory(directory: Buffer, count: number, path: string): Map<string, ZipMember> {
  const members = new Map<string, ZipMember>();
  let offset = 0;
  for (let index = 0; index < count; index++) {
    if (directory.length < offset + centralBytes || directory.readUInt32LE(offset) !== centralSignature)
      throw damaged(path);
    const method = directory.readUInt16LE(offset + 10);
    const nameBytes = directory.readUInt16LE(offset + 28);
    const name = directory.toString('utf8', offset + centralBytes, offset + centralBytes + nameBytes);
    if (method !== 0 && method !== 8) throw damaged(path, name);
    members.set(name, {
      path: name,
      bytes: directory.readUInt32LE(offset + 24),
      compressedBytes: directory.readUInt32LE(offset + 20),
      crc32: directory.readUInt32LE(offset + 16),
      deflated: method === 8,
      headerOffset: directory.readUInt32LE(offset + 42),
    });
    offset += centralBytes + nameBytes + directory.readUInt16LE(offset + 30) + directory.readUInt16LE(offset + 32);
  }
  return members;
}

/** The local header may have an extra field of another length than the central one, so it has to be read too. */
async function dataOffset(wheel: string, member: ZipMember): Promise<number> {
  const file = await open(wheel, 'r');
  try {
    const header = await readAt(file, member.headerOffset, member.headerOffset + localBytes);
    if (header.length < localBytes || header.readUInt32LE(0) !== localSignature) throw damaged(wheel, member.path);
    return member.headerOffset + localBytes + header.readUInt16LE(26) + header.readUInt16LE(28);
  } finally {
    await file.close();
  }
}

async function readAt(file: FileHandle, start: number, end: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
  return buffer.subarray(0, bytesRead);
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
