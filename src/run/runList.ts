/** What `gala runs list` says of each run. */
import { resolve } from 'node:path';
import { configOf, differingKeys, typedValue, weightyValues } from '../config/identity.js';
import { loadConfig } from '../config/load.js';
import { listConfigs } from '../config/locate.js';
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

/** Columns for people; `now` in milliseconds since 1970, `shown` makes a path short. */
export function listColumns(now: number, shown: (path: string) => string): Column<ListedRun>[] {
  return [
    { key: 'name', title: 'run', kind: 'text', value: ({ name }) => name },
    { key: 'differences', title: 'differs in', kind: 'text', value: ({ differences }) => differences.join(' ') },
    { key: 'status', title: 'status', kind: 'text', value: ({ status }) => status },
    { key: 'epoch', title: 'epoch', kind: 'text', value: ({ epoch, epochs }) => `${epoch}/${epochs}` },
    { key: 'top1', title: 'top-1', kind: 'percent', value: ({ top1 }) => top1 },
    { key: 'age', title: 'age', kind: 'text', value: ({ started_at }) => ageOf(now - Date.parse(started_at)) },
    { key: 'folder', title: 'folder', kind: 'text', value: ({ folder }) => shown(folder) },
  ];
}

/**
 * The keys in which a run is not what its name says: compared with gala's config of this name, or, for a name of the
 * user's own, the keys in which the runs of this name differ from one another.
 */
function differenceReader(runs: readonly FoundRun[]): (run: FoundRun) => string[] {
  const names = new Set(listConfigs().map(({ name }) => name));
  const keysOf = new Map<string, { readonly base?: ReadonlyMap<string, string>; readonly keys: readonly string[] }>();
  const valuesOf = new Map(runs.map(run => [run, weightyValues(configOf(run.record))]));
  return run => {
    const { name } = run.record;
    const values = valuesOf.get(run)!;
    let reference = keysOf.get(name);
    if (reference === undefined) {
      const others = runs.filter(({ record }) => record.name === name).map(other => valuesOf.get(other)!);
      reference = names.has(name)
        ? { base: weightyValues(loadConfig(name).config), keys: [] }
        : { keys: differingKeys(others) };
      keysOf.set(name, reference);
    }
    const keys = reference.base ? differingKeys([reference.base, values]) : reference.keys;
    return keys.map(key => `${key}=${typedValue(values.get(key))}`);
  };
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const;

/** `3 d`, `5 h`, `12 min`; under a minute `now`. */
function ageOf(milliseconds: number): string {
  const unit = units.find(([, length]) => milliseconds >= length);
  return unit ? `${Math.floor(milliseconds / unit[1])} ${unit[0]}` : 'now';
}
