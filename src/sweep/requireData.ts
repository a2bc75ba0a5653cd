/** Before the runs of a sweep start: can at least one of them find its data? */
import { type DatasetConfig, requireDataFolder } from '../data/index.js';
import { DataError } from '../errors.js';
import type { Point } from './points.js';

/**
 * Throws the `DataError` of the first point where no point finds its data: all runs would fail, each with this error.
 * `data` is the folder of `--data`.
 */
export async function requireData(points: readonly Point[], data: string | undefined): Promise<void> {
  let first: DataError | undefined;
  for (const config of distinctData(points)) {
    try {
      await requireDataFolder(config, { dataRoot: data });
      return;
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      first ??= error;
    }
  }
  if (first !== undefined) throw first;
}

/** One config for each dataset and folder. */
function distinctData(points: readonly Point[]): Iterable<DatasetConfig> {
  const configs = points.map(({ loaded }) => loaded.config.data);
  return new Map(configs.map(config => [`${config.dataset} ${config.root ?? ''}`, config])).values();
}
