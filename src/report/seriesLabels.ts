/** Labels of the series of a report: short names that tell configs apart. */
import { groupResults } from '../results/groups.js';
import type { RunRecord } from '../run/recordSchema.js';

/** Most series with a colour each; a page of more shows a table and small multiples. */
export const mostColors = 8;

/** A run with the label of its series. */
interface Labelled<Run> {
  readonly series: string;
  readonly run: Run;
}

/**
 * Groups runs by config without its seeds. A label is the config's name without the folder that all names share. Where
 * configs of one name differ, the label has the keys in which they differ: `learning_rate=0.2`.
 */
export function labelSeries<Run extends { readonly record: RunRecord }>(runs: readonly Run[]): Labelled<Run>[] {
  const groups = groupResults(runs.map(run => ({ ...experimentOf(run.record), run })));
  const names = [...new Set(groups.map(({ name }) => name))];
  const parent = names[0]!.slice(0, names[0]!.lastIndexOf('/') + 1);
  const isShared = names.every(name => name.startsWith(parent));
  const keyNames = shortKeys([...new Set(groups.flatMap(({ settings }) => [...settings.keys()]))]);
  const labelsBy = (shownValue: (value: string) => string) =>
    groups.map(({ name, settings }) => {
      const short = isShared ? name.slice(parent.length) : name;
      const values = [...settings].filter(([, value]) => value !== '(none)');
      const told = values.map(([key, value]) => `${keyNames.get(key)}=${shownValue(value)}`).join(', ');
      return told === '' ? short : names.length === 1 ? told : `${short} (${told})`;
    });
  const rounded = labelsBy(roundedNumber);
  const labels = new Set(rounded).size === groups.length ? rounded : labelsBy(value => value);
  return groups.flatMap(({ results }, index) => results.map(({ run }) => ({ series: labels[index]!, run })));
}

/** A number without the noise of binary fractions, such as 0.0003 for 0.00030000000000000003. */
function roundedNumber(value: string): string {
  return /^-?[\d.]+(e-?\d+)?$/.test(value) ? String(Number(Number(value).toPrecision(6))) : value;
}

function experimentOf({ name, config, seeds, weights }: RunRecord) {
  return { name, config, seeds, ...(weights && { weights }) };
}

/** The last part of each dotted key, `loss` for `loss.name`; the whole key where two would be the same. */
function shortKeys(keys: readonly string[]): Map<string, string> {
  const shorten = (key: string) => /([^.]+)(?:\.name)?$/.exec(key)![1]!;
  const isTaken = (key: string) => keys.some(other => other !== key && shorten(other) === shorten(key));
  return new Map(keys.map(key => [key, isTaken(key) ? key : shorten(key)]));
}
