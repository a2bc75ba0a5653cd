/** Reads the table of contents of a zip file (PKWARE APPNOTE 4.3 and 4.5.3), also with sizes above 4 GB. */
import { FormatFault } from './faults.js';
import type { OpenedFile } from './regularFile.js';

export interface ZipMember {
  readonly path: string;
  readonly bytes: number;
  readonly compressedBytes: number;
  readonly crc32: number;
  readonly deflated: boolean;
  readonly headerOffset: number;
}

const endSignature = 0x06054b50;
const endBytes = 22;
const wideLocatorSignature = 0x07064b50;
const wideLocatorBytes = 20;
const wideEndSignature = 0x06064b50;
const wideEndBytes = 56;
const centralSignature = 0x02014b50;
const centralBytes = 46;
const localSignature = 0x04034b50;
const localBytes = 30;
/** Stands for a number that is in the 64-bit record or field. */
const seeWideField = 0xffffffff;
const wideField = 1;

/** Members by path. Throws `FormatFault`, also for encrypted members and unknown methods of compression. */
export function readZipMembers(file: OpenedFile): Map<string, ZipMember> {
  const { offset, length } = directoryOf(file);
  const directory = file.read(offset, length);
  const members = new Map<string, ZipMember>();
  for (let at = 0; at < directory.length; ) {
    if (directory.length < at + centralBytes || directory.readUInt32LE(at) !== centralSignature)
      throw new FormatFault('its table of contents is damaged');
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map(field => directory.readUInt16LE(at + field));
    const path = directory.toString('utf8', at + centralBytes, at + centralBytes + nameBytes!);
    const extra = directory.subarray(at + centralBytes + nameBytes!, at + centralBytes + nameBytes! + extraBytes!);
    const method = directory.readUInt16LE(at + 10);
    if ((method !== 0 && method !== 8) || directory.readUInt16LE(at + 8) & 1)
      throw new FormatFault(`its member ${JSON.stringify(path)} is encrypted or packed in an unknown way`);
    const narrow = [24, 20, 42].map(field => directory.readUInt32LE(at + field));
    const [bytes, compressedBytes, headerOffset] = widened(narrow, extra);
    if (members.has(path)) throw new FormatFault(`its member ${JSON.stringify(path)} is there twice`);
    members.set(path, {
      path,
      bytes: bytes!,
      compressedBytes: compressedBytes!,
      crc32: directory.readUInt32LE(at + 16),
      deflated: method === 8,
      headerOffset: headerOffset!,
    });
    at += centralBytes + nameBytes! + extraBytes! + commentBytes!;
  }
  return members;
}

/**
 * First byte of a member's content. It follows the local header, whose extra field can be longer or shorter than in the
 * table of contents. Throws `FormatFault`.
 */
export function memberStart(file: OpenedFile, { headerOffset, path }: ZipMember): number {
  const header = file.read(headerOffset, localBytes);
  if (header.readUInt32LE(0) !== localSignature)
    throw new FormatFault(`its member ${JSON.stringify(path)} is not where the table of contents says`);
  return headerOffset + localBytes + header.readUInt16LE(26) + header.readUInt16LE(28);
}

function directoryOf(file: OpenedFile): { offset: number; length: number } {
  const tailBytes = Math.min(file.size, endBytes + 0xffff + wideLocatorBytes);
  const tail = file.read(file.size - tailBytes, tailBytes);
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || tail.length - end < endBytes || tail.readUInt32LE(end) !== endSignature)
    throw new FormatFault('it has no table of contents, so it was cut off or is no zip file');
  const [length, offset] = [tail.readUInt32LE(end + 12), tail.readUInt32LE(end + 16)];
  const locator = end - wideLocatorBytes;
  if (locator < 0 || tail.readUInt32LE(locator) !== wideLocatorSignature) return { offset, length };
  const wide = file.read(safeNumber(tail, locator + 8), wideEndBytes);
  if (wide.readUInt32LE(0) !== wideEndSignature)
    throw new FormatFault('the 64-bit end of its table of contents is damaged');
  return { offset: safeNumber(wide, 48), length: safeNumber(wide, 40) };
}

/** Replaces `seeWideField` by the numbers of the 64-bit field of `extra`, which are in the same order. */
function widened(numbers: readonly number[], extra: Buffer): number[] {
  let at = 0;
  while (at + 4 <= extra.length && extra.readUInt16LE(at) !== wideField) at += 4 + extra.readUInt16LE(at + 2);
  at += 4;
  return numbers.map(number => {
    if (number !== seeWideField) return number;
    if (at + 8 > extra.length) throw new FormatFault('its table of contents lacks a 64-bit size');
    at += 8;
    return safeNumber(extra, at - 8);
  });
}

function safeNumber(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64LE(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new FormatFault(`its table of contents has the size ${value}`);
  return Number(value);
}
