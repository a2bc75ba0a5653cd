/** The rows of `gala runs list`. */
import { configOf, differingKeys, identityValues, inOrder, typedValue } from '../config/identity.js';
import { differencesFromName } from '../config/namedConfig.js';
import { displayPath } from '../io/homePath.js';
import type { Column } from '../tables/column.js';
import { type FoundRun, latestFirst, statusOf } from './runStore.js';

export interface ListedRun {
  readonly name: string;
  /** `key=value` of the keys that decide the numbers and differ from the config of this name. */
  readonly differences: readonly string[];
  /** The status in run.json; `stopped` for a run whose process was killed. */
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
    const { record, directory } = run;
    const { name, epoch, config, results, started_at } = record;
    return {
      name,
      differences: differencesOf(run),
      status: statusOf(run),
      epoch,
      epochs: config.train.epochs,
      top1: results[0]?.top1,
      started_at,
      folder: directory,
    };
  });
}

/** Columns for people; `now` in milliseconds since 1970. */
export function listColumns(now: number): Column<ListedRun>[] {
  return [
    // In one cell, so that a narrow terminal shows the folder on a line of its own.
    {
      key: 'run',
      title: 'run folder, and keys in which the run differs',
      kind: 'text',
      value: ({ folder, differences }) => [displayPath(folder), ...differences].join(' '),
    },
    {
      key: 'epoch',
      title: 'epoch',
      kind: 'text',
      value: ({ epoch, epochs, status }) => `${epoch}/${epochs}${status === 'finished' ? '' : ` ${status}`}`,
    },
    { key: 'top1', title: 'top-1', kind: 'percent', value: ({ top1 }) => top1 },
    { key: 'age', title: 'age', kind: 'text', value: ({ started_at }) => ageOf(now - Date.parse(started_at)) },
  ];
}

/**
 * Returns, for a run, the keys that differ from gala's config of its name. For a name that gala has no config of, these
 * are the keys that the command of the run set, and the keys in which the runs of this name differ from one another.
 */
function differenceReader(runs: readonly FoundRun[]): (run: FoundRun) => string[] {
  const valuesOf = new Map(runs.map(run => [run, identityValues(configOf(run.record))]));
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
