/** Reads image lists in the usual form, one line `path label` per image, into flat arrays. */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { DataError } from '../../errors.js';
import { readPlainOrGzip } from '../../io/plainOrGzip.js';
import { sharedBytes, sharedInt32 } from '../dataset.js';
import type { FileTable } from './imageFiles.js';

/** A parsed list. `folders` are the folders in the list, which may not exist on disk. */
export interface ImageList extends FileTable {
  readonly labels: Int32Array;
  /** First line, from 1, with the largest label; absent where the images are not from a list. */
  readonly largestLabelLine?: number;
  /** sha256 (hex) of the list with LF line ends, one space before the label and no blank lines. */
  readonly fingerprint: string;
}

const lineFeed = 10;
const carriageReturn = 13;
const space = 32;
const tab = 9;
const slash = 47;
const longestName = 255; // bytes, on file systems of Linux
/** Byte order marks, with which some programs of Windows begin a text. */
const marks = [
  { bytes: [0xef, 0xbb, 0xbf], encoding: 'utf-8' },
  { bytes: [0xff, 0xfe], encoding: 'utf-16le' },
  { bytes: [0xfe, 0xff], encoding: 'utf-16be' },
] as const;

/** Reads a list, plain or `.gz`. Throws `DataError` with path and line. */
export function readImageList(path: string, classes?: number): ImageList {
  return parseImageList(readPlainOrGzip(path), path, classes);
}

/**
 * Parses a list in UTF-8, or in UTF-16 with a byte order mark, with LF or CRLF line ends. The label follows the last
 * white space of a line, so paths can contain spaces. Labels must be in [0, `classes`). Throws `DataError`; `where`
 * names the list.
 */
export function parseImageList(bytes: Uint8Array, where: string, classes = 2 ** 31): ImageList {
  const text = utf8Text(bytes, where);
  const most = countLines(text);
  const labels = sharedInt32(most);
  const folderOf = sharedInt32(most);
  const nameStarts = sharedInt32(most);
  const nameLengths = sharedBytes(most);
  const nameBytes = sharedBytes(text.length);
  const folders: string[] = [];
  const folderIndex = new Map<string, number>();
  const canonical = lineHash();
  let count = 0;
  let filled = 0;
  let lineNumber = 0;
  let largest = { label: -1, line: 0 };
  let folder = { start: 0, end: -1, index: -1 }; // of the previous line, because neighbours often share a folder
  const fault = (message: string) =>
    new DataError(message, {
      where: `${where}:${lineNumber}`,
      next: 'A line is the path of an image, white space, and the number of its class, from 0.',
    });

  for (let start = 0; start < text.length; ) {
    lineNumber++;
    const newline = text.indexOf(lineFeed, start);
    const next = newline === -1 ? text.length : newline + 1;
    let end = newline === -1 ? text.length : newline;
    while (end > start && isBlank(text[end - 1]!)) end--;
    if (end > start) {
      let labelStart = end;
      while (labelStart > start && !isBlank(text[labelStart - 1]!)) labelStart--;
      let pathEnd = labelStart;
      while (pathEnd > start && isBlank(text[pathEnd - 1]!)) pathEnd--;
      if (pathEnd === start) throw fault(`The line ${quote(text, start, end)} has no label.`);
      const label = wholeNumber(text, labelStart, end);
      if (label === undefined) {
        throw fault(`The label ${quote(text, labelStart, end)} is not a whole number from 0.`);
      }
      if (label >= classes) throw fault(`Label ${label} is out of range: the set has ${classes} classes.`);
      const nameStart = text.lastIndexOf(slash, pathEnd - 1) + 1;
      const cut = nameStart <= start ? start : nameStart;
      const folderEnd = cut === start ? start : Math.max(cut - 1, start + 1); // `/` keeps its slash
      if (cut === pathEnd) throw fault(`${quote(text, start, pathEnd)} is a folder, not a file.`);
      if (pathEnd - cut > longestName)
        throw fault(`The file name has ${pathEnd - cut} bytes; ${longestName} is the most.`);
      const same =
        folder.end - folder.start === folderEnd - start &&
        text.compare(text, start, folderEnd, folder.start, folder.end) === 0;
      if (!same) {
        const name = text.toString('utf8', start, folderEnd);
        let index = folderIndex.get(name);
        if (index === undefined) {
          index = folders.push(name) - 1;
          folderIndex.set(name, index);
        }
        folder = { start, end: folderEnd, index };
      }
      if (label > largest.label) largest = { label, line: lineNumber };
      labels[count] = label;
      folderOf[count] = folder.index;
      nameStarts[count] = filled;
      nameLengths[count] = pathEnd - cut;
      nameBytes.set(text.subarray(cut, pathEnd), filled);
      filled += pathEnd - cut;
      count++;
      canonical.add(text.subarray(start, pathEnd), label);
    }
    start = next;
  }
  if (count === 0) {
    throw new DataError('The list has no images.', { where, next: 'Give a list with a line `path label` per image.' });
  }
  return {
    folders,
    labels: labels.subarray(0, count),
    largestLabelLine: largest.line,
    folderOf: folderOf.subarray(0, count),
    nameStarts: nameStarts.subarray(0, count),
    nameLengths: nameLengths.subarray(0, count),
    nameBytes: nameBytes.subarray(0, filled),
    fingerprint: canonical.digest(),
  };
}

/** sha256 of lines `path label`. Collects lines, because a call of the hash takes longer than a line. */
export function lineHash(): { add(path: Uint8Array, label: number): void; digest(): string } {
  const hash = createHash('sha256');
  const collected = Buffer.alloc(2 ** 16);
  let filled = 0;
  const flush = () => {
    hash.update(collected.subarray(0, filled));
    filled = 0;
  };
  return {
    add(path, label) {
      if (filled + path.length + 12 > collected.length) flush();
      if (path.length + 12 > collected.length) hash.update(path);
      else {
        collected.set(path, filled);
        filled += path.length;
      }
      filled += collected.write(` ${label}\n`, filled, 'latin1');
    },
    digest() {
      flush();
      return hash.digest('hex');
    },
  };
}

function countLines(bytes: Uint8Array): number {
  let lines = 1;
  for (let at = bytes.indexOf(lineFeed); at !== -1; at = bytes.indexOf(lineFeed, at + 1)) lines++;
  return lines;
}

function isBlank(byte: number): boolean {
  return byte === space || byte === tab || byte === carriageReturn;
}

/** The digits from `start` to `end` as a number; undefined for other characters and for more than nine digits. */
function wholeNumber(text: Buffer, start: number, end: number): number | undefined {
  if (end - start > 9) return undefined;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = text[i]! - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = 10 * value + digit;
  }
  return value;
}

function quote(text: Buffer, start: number, end: number): string {
  const shown = text.toString('utf8', start, Math.min(end, start + 80));
  return JSON.stringify(end - start > 80 ? `${shown}…` : shown);
}

/**
 * A list as UTF-8 without a byte order mark; lists of Windows PowerShell are UTF-16. Throws `DataError` with the line
 * for a text of another encoding.
 */
function utf8Text(bytes: Uint8Array, where: string): Buffer {
  const mark = marks.find(({ bytes: first }) => first.every((byte, i) => bytes[i] === byte));
  const rest = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).subarray(mark?.bytes.length ?? 0);
  const text =
    mark === undefined || mark.encoding === 'utf-8' ? rest : Buffer.from(new TextDecoder(mark.encoding).decode(rest));
  if (text.includes(0)) {
    throw new DataError('The list has null bytes: it is UTF-16 without its mark, or no text.', {
      where,
      next: 'Save it as UTF-8: iconv -f utf-16le -t utf-8 LIST > NEW',
    });
  }
  if (isUtf8(text)) return text;
  throw new DataError('This line of the list is not UTF-8 text.', {
    where: `${where}:${firstLineNotUtf8(text)}`,
    next: 'Convert it from the encoding that it has, such as: iconv -f latin1 -t utf-8 LIST > NEW',
  });
}

function firstLineNotUtf8(text: Buffer): number {
  for (let line = 1, start = 0; ; line++) {
    const end = text.indexOf(lineFeed, start);
    if (end === -1 || !isUtf8(text.subarray(start, end))) return line;
    start = end + 1;
  }
}
