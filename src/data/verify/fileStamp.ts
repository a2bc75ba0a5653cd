/** What tells that a file was changed since it was last looked at. */
import { statSync } from 'node:fs';

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
