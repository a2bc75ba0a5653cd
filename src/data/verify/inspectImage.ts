/** Decodes one file and says what it is. */
import { stat } from 'node:fs/promises';
import { DataError } from '../../errors.js';
import { decodeRgb, readImageFile } from '../images/decode.js';
import { sharp } from '../images/sharp.js';
import type { Verdict } from './verdict.js';

export interface Inspection {
  readonly verdict: Verdict;
  /** The decoder's words, for a fault. */
  readonly message?: string;
}

/** Never throws: what cannot be read or decoded is a verdict. */
export async function inspectImage(path: string): Promise<Inspection> {
  let bytes: Uint8Array;
  try {
    bytes = readImageFile(path);
  } catch (error) {
    const missing = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
    return { verdict: missing ? 'missing' : 'unreadable', message: (error as Error).message };
  }
  try {
    await decodeRgb(bytes, path);
    return { verdict: await oddityOf(bytes) };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return { verdict: faultOf(error.message), message: error.message };
  }
}

/** Size and time of the last change, as three whole numbers; undefined for a file that is not there. */
export async function stampOf(path: string): Promise<readonly [number, number, number] | undefined> {
  try {
    const { size, mtimeMs } = await stat(path);
    return [size | 0, Math.floor(mtimeMs / 1000) | 0, Math.floor(mtimeMs % 1000)];
  } catch {
    return undefined;
  }
}

async function oddityOf(bytes: Uint8Array): Promise<Verdict> {
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
