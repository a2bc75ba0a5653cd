/** What pixels are normalised by: the statistics of the dataset, or those of the config. */

import { ConfigError } from '../errors.js';
import type { DataConfig } from './schema.js';
import type { Statistics } from './sets/definition.js';

/** Per channel, of pixels in [0, 1]. Throws `ConfigError` where the config has another number of channels. */
export function normalisationOf(
  { dataset, normalisation }: Pick<DataConfig, 'dataset' | 'normalisation'>,
  ofDataset: Statistics,
): Statistics {
  for (const key of ['mean', 'std'] as const) {
    const given = normalisation?.[key]?.length;
    const channels = ofDataset[key].length;
    if (given === undefined || given === channels) continue;
    throw new ConfigError(
      `data.normalisation.${key} has ${given} numbers, but the images have ${channels} ` +
        `channel${channels === 1 ? '' : 's'}.`,
      {
        where: `data.normalisation.${key}, with data.dataset ${dataset}`,
        next: `Give one number for each channel, such as ${key}: [${ofDataset[key].join(', ')}].`,
      },
    );
  }
  const { mean = ofDataset.mean, std = ofDataset.std } = normalisation ?? {};
  return { mean, std };
}
