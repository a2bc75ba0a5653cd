/** Parts of the report's sentences: split, checkpoint, epoch and τ of a figure. */
import { defaultGroups, type GroupBounds } from '../eval/groups.js';
import type { ReportRun } from './reportRun.js';
import type { Series } from './series.js';

/** With more series, one sentence has the sources of all. */
const mostListed = 4;

/** `Split test, checkpoint best of epoch 187 (selected on test).`, or the same for each series where they differ. */
export function sourceSentence(all: readonly Series[]): string {
  const runs = all.flatMap(series => series.runs);
  const splits = [...new Set(runs.map(({ evaluation }) => evaluation.split))].join(', ');
  const sources = all.map(series => sourceWords(series.runs));
  if (new Set(sources).size === 1) return `Split ${splits}, ${sources[0]}.`;
  if (all.length > mostListed) return `Split ${splits}, ${sourceWords(runs)}.`;
  return `Split ${splits}, ${all.map(({ label }, index) => `${label}: ${sources[index]}`).join('; ')}.`;
}

/** `checkpoint best of epoch 187 (selected on test)`; of several runs `of epochs 150 to 187`. */
export function sourceWords(runs: readonly ReportRun[]): string {
  const kinds = new Map<string, Set<number>>();
  for (const { evaluation } of runs) {
    const kind = JSON.stringify([evaluation.checkpoint, evaluation.selected_on]);
    const epochs = kinds.get(kind) ?? new Set();
    if (evaluation.epoch !== undefined) epochs.add(evaluation.epoch);
    kinds.set(kind, epochs);
  }
  const words = Array.from(kinds, ([kind, epochs]) => {
    const [checkpoint, selectedOn] = JSON.parse(kind) as [string, string | null];
    const chosen = selectedOn === null ? 'not recorded what selected it' : choiceOf(selectedOn);
    return `checkpoint ${checkpoint}${epochWords([...epochs])} (${chosen})`;
  });
  return words.join(' and ');
}

function epochWords(epochs: readonly number[]): string {
  if (epochs.length === 0) return '';
  if (epochs.length === 1) return ` of epoch ${epochs[0]}`;
  return ` of epochs ${Math.min(...epochs)} to ${Math.max(...epochs)}`;
}

/** `selected on test`, `selected on val by balanced accuracy`, `the last epoch`. */
export function choiceOf(selectedOn: string): string {
  if (selectedOn === 'last') return 'the last epoch';
  return `selected on ${selectedOn}${selectedOn === 'val' ? ' by balanced accuracy' : ''}`;
}

/** `τ = 1`, or the τ of each series where they differ. */
export function tauWords(all: readonly Series[]): string {
  const taus = new Set(all.map(({ runs }) => runs[0]!.tau));
  if (taus.size === 1) return `τ = ${all[0]!.runs[0]!.tau}`;
  if (all.length > mostListed) return 'the τ of each config';
  return all.map(({ label, runs }) => `τ = ${runs[0]!.tau} for ${label}`).join(', ');
}

/**
 * `more than 100 (many), 20 to 100 (medium) and fewer than 20 (few) training images`: the classes of each group, of
 * each series where they differ.
 */
export function groupWords(all: readonly Series[]): string {
  const wordsOf = ({ many, few }: GroupBounds) =>
    `more than ${many} (many), ${few} to ${many} (medium) and fewer than ${few} (few) training images`;
  const shared = sharedGroups(all);
  if (shared) return wordsOf(shared);
  if (all.length > mostListed) return 'as many training images as the eval.groups of each config say';
  return all.map(series => `${wordsOf(groupsOf(series))} for ${series.label}`).join(', ');
}

/** The bounds of many, medium and few; undefined where the series differ in them. */
export function sharedGroups(all: readonly Series[]): GroupBounds | undefined {
  const first = groupsOf(all[0]!);
  const isShared = all.map(groupsOf).every(({ many, few }) => many === first.many && few === first.few);
  return isShared ? first : undefined;
}

/** The bounds of a series, whose runs share them. */
export function groupsOf({ runs }: Series): GroupBounds {
  return runs[0]!.evaluation.groups ?? defaultGroups;
}

/** Class indices by descending number of training images; of equal numbers the lower index first. */
export function classesByFrequency({ evaluation }: ReportRun): number[] {
  const { classCounts } = evaluation;
  return Array.from(classCounts.keys()).sort((a, b) => classCounts[b]! - classCounts[a]! || a - b);
}
