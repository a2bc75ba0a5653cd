/** Accuracy tables from run folders: one line per experiment, with notes that a reader needs. */
import { configOf } from '../config/identity.js';
import { settingsText, withSettings } from '../config/namedConfig.js';
import { ConfigError, type StorageError } from '../errors.js';
import { reportedScores } from '../eval/resultRow.js';
import { shellWord } from '../io/shellWord.js';
import { divergedAlready, type FoundRun, findRunFolders, readRun, statusOf } from '../run/runStore.js';
import type { Column, TableFormat } from '../tables/column.js';
import { formatTable, type TableLayout, wrapped } from '../tables/format.js';
import { aboutEqualMasses } from '../tables/scoreColumns.js';
import { runResultOf } from './fromRun.js';
import { furtherColumns, groupColumns, groupDataColumns } from './groupColumns.js';
import { differencesWithin, groupResults, type ResultGroup } from './groups.js';

export interface RunsRead {
  readonly groups: readonly ResultGroup[];
  /**
   * A sentence for each run whose training has not ended or whose run.json cannot be used, and for each path without
   * runs.
   */
  readonly left: readonly string[];
}

/**
 * The finished runs among run folders and folders of runs, as groups in the order of the folders. A run given twice
 * counts once. Throws `StorageError` where there is no run, `ConfigError` where none is finished, `DataError` for
 * unusable logits.
 */
export function readRuns(directories: readonly string[]): RunsRead {
  const left: string[] = [];
  let unusable: StorageError | undefined;
  let stopped: string | undefined;
  let diverged: FoundRun | undefined;
  const folders = findRunFolders(directories, path => left.push(`${path}: it holds no run`));
  const finished = folders.flatMap(directory => {
    const run = readRun(directory, error => {
      unusable ??= error;
      left.push(`${directory}: ${error.message}`);
    });
    if (run?.state === 'finished') return [run];
    if (run) {
      left.push(`${directory}: ${statusOf(run)}, epoch ${run.record.epoch} of ${run.record.config.train.epochs}`);
      if (run.state === 'resumable') stopped ??= directory;
      if (run.state === 'diverged') diverged ??= run;
    }
    return [];
  });
  if (finished.length > 0) return { groups: groupRuns(finished), left };
  if (unusable && folders.length === 1) throw unusable;
  if (diverged && left.length === 1) throw divergedAlready('This run', diverged);
  throw new ConfigError('None of these runs is finished.', {
    where: left.join('\n       '),
    next: stopped ? `Go on with it: gala train --resume ${shellWord(stopped)}` : 'Wait for their end.',
  });
}

/** Finished runs as the groups of a table. Throws as `runResultOf`. */
export function groupRuns(finished: readonly FoundRun[]): ResultGroup[] {
  return groupResults(finished.map(runResultOf));
}

const { config, seeds, selectedOn, epoch, top1, groups, groupMeans, last, precision, hours } = groupColumns;
const { tau, rebalanced, rebalancedBest, oracle, equalMasses, lastRebalanced, lastEqualMasses } = groupColumns;

const pageColumns: readonly Column<ResultGroup>[] = [
  config,
  seeds,
  selectedOn,
  epoch,
  top1,
  groups,
  ...furtherColumns,
  tau,
  rebalanced,
  rebalancedBest,
  oracle,
  equalMasses,
  last,
  lastRebalanced,
  lastEqualMasses,
  precision,
  hours,
];

/** Shorter: a terminal does not scroll sideways. */
const terminalColumns: readonly Column<ResultGroup>[] = [
  config,
  { ...seeds, dispensable: 6 },
  { ...selectedOn, dispensable: 7 },
  { ...epoch, dispensable: 8 },
  top1,
  groupMeans,
  ...furtherColumns,
  { ...rebalanced, title: 're-balanced' },
  { ...equalMasses, dispensable: 1 },
  { ...rebalancedBest, title: 'own best, re-balanced', dispensable: 10 },
  { ...last, title: 'last epoch', dispensable: 9 },
  { ...lastRebalanced, dispensable: 11 },
  { ...lastEqualMasses, dispensable: 12 },
];

/** The table in one of the formats, without a final newline; for people with notes below it. */
export function formatGroups(groups: readonly ResultGroup[], format: TableFormat, layout?: TableLayout): string {
  if (format === 'csv' || format === 'json') return formatTable(groups, groupDataColumns, format);
  const columns = format === 'md' ? pageColumns : terminalColumns;
  const shared = sharedSettings(groups);
  const lines = groups.map(group => {
    const own = [...group.labelSettings].filter(([key]) => !shared.has(key));
    return { ...group, label: withSettings(group.name, own) };
  });
  const width = format === 'terminal' ? (layout?.width ?? Infinity) : Infinity;
  const notes = notesOf(lines, shared).map(note => (format === 'md' ? `- ${note}` : wrapped(note, width)));
  return `${formatTable(lines, columns, format, layout)}\n\n${notes.join('\n')}`;
}

/** Settings that the labels of all lines have with the same value; none of a single line. */
function sharedSettings(groups: readonly ResultGroup[]): ReadonlyMap<string, string> {
  if (groups.length === 1) return new Map();
  const isShared = ([key, value]: [string, string]) => groups.every(other => other.labelSettings.get(key) === value);
  return new Map([...groups[0]!.labelSettings].filter(isShared));
}

/** What the columns mean, and cautions before comparing the lines. */
function notesOf(groups: readonly ResultGroup[], shared: ReadonlyMap<string, string>): string[] {
  const taus = [...new Set(groups.map(group => String(tau.value(group))))].join(', ');
  const bounds = new Set(
    groups.map(({ results }) => {
      const { many, few } = configOf(results[0]!).eval.groups;
      return `more than ${many}, ${few} to ${many}, fewer than ${few} training images`;
    }),
  );
  const notes = [
    ...(shared.size > 0 ? [`In all lines: ${settingsText(shared)}.`] : []),
    'Top-1 % on the test images, mean ± sample standard deviation over the seeds; many / medium / few: ' +
      `classes ${bounds.size === 1 ? `with ${[...bounds][0]}` : 'by eval.groups of each config'}.`,
    `Re-balanced at the τ of the config (${taus}), of the same epoch${
      groups.some(({ results }) => results.some(({ rebalanced_best }) => rebalanced_best !== undefined))
        ? '; “own best”: of the epoch that the same split selects by re-balanced accuracy'
        : ''
    }.`,
    aboutEqualMasses,
  ];
  const selectedOn = (split: string, how: (whose: string) => string) => {
    const own = groups.filter(({ results }) => reportedScores(results[0]!.scores).plain?.selected_on === split);
    const whose = own.length === groups.length ? '' : ` (${own.map(({ label }) => label).join(', ')})`;
    if (own.length > 0) notes.push(`The epoch was selected ${how(whose)}.`);
  };
  selectedOn('test', whose => `on the images that it is reported on${whose}; the last epoch was not selected`);
  selectedOn('val', whose => `on val by balanced accuracy${whose}`);
  for (const { label, results } of groups) {
    const differences = differencesWithin(results);
    if (differences.length === 0) continue;
    const subject = results.length > 1 ? `The runs of ${label} differ in` : `On the way of ${label} changed:`;
    notes.push(`${subject} ${differences.join('; ')}.`);
  }
  return notes;
}
