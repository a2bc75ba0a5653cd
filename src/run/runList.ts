/** What `gala runs list` says of each run. */
import { resolve } from 'node:path';
import { configOf, differingKeys, inOrder, typedValue, weightyValues } from '../config/identity.js';
import { differencesFromName } from '../config/namedConfig.js';
import type { Column } from '../tables/column.js';
import { type FoundRun, latestFirst } from './runStore.js';

export interface ListedRun {
  readonly name: string;
  /** `key=value` of the keys that decide the numbers and are not as in the config of this name. */
  readonly differences: readonly string[];
  /** The status of run.json; `stopped` for one that was killed. */
  readonly status: string;
  /** Finished epochs. */
  readonly epoch: number;
  readonly epochs: number;
  /** Plain top-1 of the first result, in percent; undefined before the end. */
  readonly top1: number | undefined;
  readonly started_at: string;
  readonly folder: string;
}

/** The runs, the latest first. */
export function listRuns(runs: readonly FoundRun[]): ListedRun[] {
  const differencesOf = differenceReader(runs);
  return latestFirst(runs).map(run => {
    const { record, state, directory } = run;
    const { name, status, epoch, config, results, started_at } = record;
    return {
      name,
      differences: differencesOf(run),
      status: status === 'running' && state === 'resumable' ? 'stopped' : status,
      epoch,
      epochs: config.train.epochs,
      top1: results[0]?.top1,
      started_at,
      folder: directory,
    };
  });
}

/** One JSON array: top-1 in percent, absolute folders. */
export function jsonOf(list: readonly ListedRun[]): string {
  const rows = list.map(({ top1, folder, ...run }) => ({
    ...run,
    top1: top1 ?? null,
    folder: resolve(folder),
  }));
  return JSON.stringify(rows, null, 2);
}

/** Columns for people; `shown` makes a path short. */
export function listColumns(shown: (path: string) => string): Column<ListedRun>[] {
  return [
    // In one cell, so that a narrow terminal shows the folder on a line of its own.
    {
      key: 'run',
      title: 'run folder, and what differs from its config',
      kind: 'text',
      value: ({ folder, differences }) => [shown(folder), ...differences].join(' '),
    },
    { key: 'status', title: 'status', kind: 'text', value: ({ status }) => status },
    { key: 'epoch', title: 'epoch', kind: 'text', value: ({ epoch, epochs }) => `${epoch}/${epochs}` },
    { key: 'top1', title: 'top-1', kind: 'percent', value: ({ top1 }) => top1 },
  ];
}

/**
 * The keys in which a run is not what its name says: compared with gala's config of this name. For a name of the user's
 * own these are the keys that the command of the run set, and those in which the runs of this name differ.
 */
function differenceReader(runs: readonly FoundRun[]): (run: FoundRun) => string[] {
  const valuesOf = new Map(runs.map(run => [run, weightyValues(configOf(run.record))]));
  const differing = new Map<string, readonly string[]>();
  const ownKeys = ({ record: { name, command } }: FoundRun) => {
    const others = runs.filter(({ record }) => record.name === name).map(other => valuesOf.get(other)!);
    differing.set(name, differing.get(name) ?? differingKeys(others));
    return [...differing.get(name)!, ...command.map(word => word.split('=')[0]!)];
  };
  return run => {
    const values = valuesOf.get(run)!;
    const keys = differencesFromName(configOf(run.record)) ?? inOrder(ownKeys(run)).filter(key => values.has(key));
    return keys.map(key => `${key}=${typedValue(values.get(key))}`);
  };
}
