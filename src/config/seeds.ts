/** What a seed of a table or of a sweep sets in a config: the seed of the run, and with it the long-tailed subset. */
import { configOf } from './identity.js';
import type { LoadedConfig, openConfig } from './load.js';

/**
 * An opened config for a seed, which also draws the long-tailed subset unless `set` names another: the spread over
 * seeds includes the spread of the draw.
 */
export function resolveForSeed(
  resolve: ReturnType<typeof openConfig>,
  seed: number,
  set: readonly string[] = [],
): LoadedConfig {
  const loaded = resolve({ seed, set });
  const isDrawn = loaded.config.data.imbalance_factor > 1 && !set.some(text => text.startsWith('data.subset_seed='));
  return isDrawn ? resolve({ seed, set: [...set, `data.subset_seed=${seed}`] }) : loaded;
}

interface Seeded {
  readonly name: string;
  readonly config: object;
  readonly seeds: { readonly run: number; readonly subset: number };
}

/** Whether a run or record is that of `seed`, as `resolveForSeed` sets it. */
export function isOfSeed({ config, name, seeds }: Seeded, seed: number): boolean {
  const isDrawn = configOf({ config, name }).data.imbalance_factor > 1;
  return seeds.run === seed && (!isDrawn || seeds.subset === seed);
}
