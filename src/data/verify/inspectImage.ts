/** Decodes one file and says what it is. */
import { createHash } from 'node:crypto';
import { DataError } from '../../errors.js';
import { FormatFault } from '../../io/faults.js';
import { decodeRgb, readImageFile } from '../images/decode.js';
import { imageFormat, jpegFrame } from '../images/format.js';
import { sharp } from '../images/sharp.js';
import type { Verdict } from './verdict.js';

export interface Inspection {
  readonly verdict: Verdict;
  /** The decoder's words, for a fault. */
  readonly message?: string;
  /** 64 bits of a hash of the bytes; absent where they could not be read. */
  readonly digest?: readonly [number, number];
}

/** What cannot be read or decoded is a verdict; throws only where memory is too short. */
export async function inspectImage(path: string): Promise<Inspection> {
  let bytes: Uint8Array;
  try {
    bytes = readImageFile(path);
  } catch (error) {
    const { message, cause } = error as Error;
    if (cause instanceof FormatFault) return { verdict: 'not an image', message };
    return {
      verdict: (cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT' ? 'missing' : 'unreadable',
      message,
    };
  }
  const hash = createHash('sha1').update(bytes).digest();
  const digest = [hash.readInt32LE(0), hash.readInt32LE(4)] as const;
  try {
    await decodeRgb(bytes, path);
    return { verdict: await oddityOf(bytes), digest };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return { verdict: faultOf(error.message), message: error.message, digest };
  }
}

async function oddityOf(bytes: Uint8Array): Promise<Verdict> {
  const format = imageFormat(bytes);
  if (format === 'bmp' || format === 'netpbm') return 'sound'; // sharp knows neither
  if (format === 'jpeg') return jpegFrame(bytes)?.components === 4 ? 'CMYK' : 'sound';
  const { space, depth, pages = 1 } = await sharp(bytes).metadata();
  if (space === 'cmyk') return 'CMYK';
  if (depth === 'ushort') return '16-bit';
  return pages > 1 ? 'animated' : 'sound';
}

function faultOf(message: string): Verdict {
  if (/is empty|not an image/.test(message)) return 'not an image';
  if (/is truncated/.test(message)) return 'truncated';
  return /more than \d+ pixels/.test(message) ? 'too large' : 'damaged';
}
