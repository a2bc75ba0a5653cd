/** The folder of a run's images: given now, or remembered from the last time that the run worked. */
import { existsSync } from 'node:fs';
import { DataError } from '../errors.js';
import { shellWord } from '../io/shellWord.js';
import type { RunRecord } from './recordSchema.js';

/**
 * `given` (`--data`), else the folder that run.json remembers; undefined where there is neither, and where the
 * remembered folder is gone but GALA_DATA names one. Throws `DataError` where it is gone and nothing else is given.
 */
export function dataRootOf(
  { data_root: remembered }: Pick<RunRecord, 'data_root'>,
  given: string | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  if (given !== undefined || remembered === undefined) return given;
  if (existsSync(remembered)) return remembered;
  if (environment.GALA_DATA) return undefined;
  throw new DataError('The data of this run is not where the run last read it.', {
    where: remembered,
    next: `Give its folder with --data DIR, or put the data back: ${shellWord(remembered)}`,
  });
}
