/** The text of an image list as UTF-8, whatever wrote it: lists of Windows PowerShell are UTF-16. */
import { isUtf8 } from 'node:buffer';
import { DataError } from '../../errors.js';

const lineFeed = 10;
/** What some editors of Windows begin a text with. */
const marks = [
  { bytes: [0xef, 0xbb, 0xbf], encoding: 'utf-8' },
  { bytes: [0xff, 0xfe], encoding: 'utf-16le' },
  { bytes: [0xfe, 0xff], encoding: 'utf-16be' },
] as const;

/** UTF-8 bytes without a byte order mark. Throws `DataError` with the line for a text of another encoding. */
export function utf8Text(bytes: Uint8Array, where: string): Buffer {
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
