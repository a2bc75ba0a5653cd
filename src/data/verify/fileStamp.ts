/** What tells that a file was changed since it was last looked at. */
import { statSync } from 'node:fs';

/** The coarsest clock of a file system in use ticks every two seconds. */
const settlingMilliseconds = 2000;

/** Size and time of the last change, as three whole numbers; undefined for a file that is not there. */
export function stampOf(path: string): readonly [number, number, number] | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    const { size, mtimeMs } = stats;
    return [size | 0, Math.floor(mtimeMs / 1000) | 0, Math.floor(mtimeMs % 1000)];
  } catch {
    return undefined;
  }
}

/**
 * Device, inode, size and the times of the last change of content and of attributes in nanoseconds, as one text: no
 * change of a file leaves it as it is. Undefined for a file that is not there, and for one changed a moment ago, which
 * could change once more before the clock ticks. For image files it is too strong: after a `chmod` or on another mount
 * a million of them would be decoded again.
 */
export function strongStampOf(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined || Date.now() - Number(stats.ctimeMs) < settlingMilliseconds) return undefined;
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
}
