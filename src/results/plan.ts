/** Which runs of a table exist, are unfinished or are missing. */
import { basename } from 'node:path';
import { configDifference, configHash, configOf } from '../config/identity.js';
import { type LoadedConfig, openConfig } from '../config/load.js';
import { keysOfARun } from '../config/namedConfig.js';
import type { Config } from '../config/schema.js';
import { isOfSeed, resolveForSeed } from '../config/seeds.js';
import { openRunStore, type RunStore } from '../run/runStore.js';
import type { Column } from '../tables/column.js';
import type { ExpectedTable } from './expected.js';
import type { ResultRecord } from './record.js';

type Step = 'recorded' | 'record' | 'resume' | 'train' | 'in progress' | 'diverged';

export interface Planned {
  readonly row: string;
  readonly loaded: LoadedConfig;
  readonly seed: number;
  /** `in progress`: another process trains the run, or will; `diverged`: the run would diverge again. */
  readonly step: Step;
  /** The run folder that `step` is about. */
  readonly directory?: string;
  /** The sweep that will train the run. */
  readonly claimedBy?: string;
  /** Finished epochs of that run. */
  readonly epoch?: number;
}

/** The next step for every row and seed. `recordsOf` gives the records of a row. */
export function planRuns(
  table: ExpectedTable,
  seeds: readonly number[],
  runs: string,
  recordsOf: (row: string) => readonly ResultRecord[],
): Planned[] {
  const store = openRunStore(runs);
  return table.rows.flatMap(({ row, config }) => {
    const resolve = openConfig(config);
    return seeds.map(seed => {
      const loaded = resolveForSeed(resolve, seed);
      const planned = { row, loaded, seed };
      if (recordsOf(row).some(record => isOfSeed(record, seed))) return { ...planned, step: 'recorded' as const };
      const found = runOf(store, loaded.config);
      return found ? { ...planned, ...found } : { ...planned, step: 'train' as const };
    });
  });
}

/** A sentence for every row that has records, but no record of a wanted seed. */
export function missingSeeds(
  table: ExpectedTable,
  recordsOf: (row: string) => readonly ResultRecord[],
  seeds: readonly number[],
): string[] {
  return table.rows.flatMap(({ row }) => {
    const records = recordsOf(row);
    const missing = seeds.filter(seed => !records.some(record => isOfSeed(record, seed)));
    return records.length === 0 ? [] : missing.map(seed => `no recorded run of row ${row} with seed ${seed}`);
  });
}

/**
 * `key: row → run` for the keys in which a run is not the row's experiment; seeds and what computed it may differ.
 */
export function differencesFromRow(row: Config, run: Config): string[] {
  return configDifference(row, run, keysOfARun);
}

export const planColumns: readonly Column<Planned>[] = [
  { key: 'row', title: 'row', kind: 'text', value: ({ row }) => row },
  { key: 'seed', title: 'seed', kind: 'number', value: ({ seed }) => seed },
  { key: 'config', title: 'config', kind: 'text', value: ({ loaded }) => loaded.config.name },
  {
    key: 'step',
    title: 'to do',
    kind: 'text',
    value: ({ step }) => (step === 'recorded' ? 'nothing: recorded' : step),
  },
  { key: 'run', title: 'run', kind: 'text', value: ({ directory }) => directory && basename(directory) },
  { key: 'epoch', title: 'epoch', kind: 'number', value: ({ epoch }) => epoch },
];

/**
 * The run of this config and seed that is nearest to its end. A diverged run counts only where the configs are equal,
 * because another precision or engine may not diverge.
 */
function runOf(runs: RunStore, config: Config): Pick<Planned, 'step' | 'directory' | 'epoch'> | undefined {
  const found = runs.find(
    config.name,
    record =>
      isOfSeed(record, config.seed) &&
      differencesFromRow(config, configOf(record)).length === 0 &&
      (record.status !== 'diverged' || configHash(configOf(record)) === configHash(config)),
  );
  if (found === undefined) return undefined;
  const steps = {
    finished: 'record',
    'in progress': 'in progress',
    resumable: 'resume',
    diverged: 'diverged',
  } as const;
  return { step: steps[found.state], directory: found.directory, epoch: found.record.epoch };
}
