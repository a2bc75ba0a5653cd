/** The main table of a report: the scores of each series, plain and re-balanced, and the difference to the first. */
import { isShown, type MetricKey, metricKeys, metricOf } from '../eval/scores.js';
import { twoDecimals } from '../tables/column.js';
import { aboutEqualMasses } from '../tables/scoreColumns.js';
import { escapeHtml } from './markup.js';
import type { ReportRun } from './reportRun.js';
import { type Series, spreadOf } from './series.js';
import { mostColors } from './seriesLabels.js';
import { groupWords, sharedGroups } from './source.js';

/** Top-1 is called “all” beside the groups. */
const columns = metricKeys.map(key => ({ key, title: key === 'top1' ? 'all' : metricOf(key).title }));

const kinds = { plain: 'plain', rebalanced: 're-balanced', equalMasses: 'equal masses' } as const;
type Kind = keyof typeof kinds;

/** A score of a series, in percent. */
interface SeriesScore {
  readonly mean: number | undefined;
  /** Sample standard deviation over the runs; undefined for fewer than two. */
  readonly std: number | undefined;
  /** The mean minus the mean of the first series for the same predictions; undefined in the first series. */
  readonly difference: number | undefined;
}

/** A score of a series, in percent, and its difference to the series `first`. */
function seriesScore(series: Series, first: Series, kind: Kind, key: MetricKey): SeriesScore {
  const numberOf = ({ scores }: ReportRun) => scores[kind][key];
  const { mean, std } = spreadOf(series, numberOf);
  const before = spreadOf(first, numberOf).mean;
  const isCompared =
    series !== first && mean !== undefined && before !== undefined && isComparable(key, [first, series]);
  return { mean, std, difference: isCompared ? mean - before : undefined };
}

/** Whether a score measures the same classes in all series; a group does not where its bounds differ. */
function isComparable(key: MetricKey, all: readonly Series[]): boolean {
  return metricOf(key).group === undefined || sharedGroups(all) !== undefined;
}

/** Whether all classes have the same number of test images, so that balanced accuracy equals top-1. */
function areTestsBalanced(all: readonly Series[]): boolean {
  return !isShown(
    'balanced_accuracy',
    all.flatMap(({ runs }) => runs.map(({ scores }) => scores.plain)),
  );
}

/** The table with a sentence that explains it. */
export function scoreTableHtml(all: readonly Series[]): string {
  const [first] = all;
  const scores = all.map(series =>
    (Object.keys(kinds) as Kind[]).map(kind => columns.map(({ key }) => seriesScore(series, first!, kind, key))),
  );
  const isRepeated = areTestsBalanced(all);
  const shown = columns.map(
    ({ key }, c) =>
      !(isRepeated && key === 'balanced_accuracy') && scores.flat().some(line => line[c]!.mean !== undefined),
  );
  const best = columns.map(({ key }, c) =>
    all.length > 1 && isComparable(key, all)
      ? twoDecimals(Math.max(...scores.flat().map(line => line[c]!.mean ?? -1)))
      : undefined,
  );
  const isBest = ({ mean }: SeriesScore, c: number) => mean !== undefined && twoDecimals(mean) === best[c];
  const cells = (line: readonly SeriesScore[]) =>
    line.flatMap((score, c) => (shown[c] ? [cellHtml(score, c, isBest(score, c))] : []));
  const bodies = all.map((series, index) => {
    const name = nameHtml(series, all.length <= mostColors);
    const head = `<th scope="rowgroup" rowspan="${scores[index]!.length}">${name}</th>`;
    const lines = Object.values(kinds).map(
      (kind, k) => `<tr>${k === 0 ? head : ''}<th scope="row">${kind}</th>${cells(scores[index]![k]!).join('')}</tr>`,
    );
    return `<tbody>${lines.join('')}</tbody>`;
  });
  const titles = ['config', 'predictions', ...columns.flatMap(({ title }, c) => (shown[c] ? title : []))].map(
    title => `<th scope="col">${title}</th>`,
  );
  // Differences beside the numbers make short rows, where no spread needs the room.
  const isCompact = all.length > mostColors && all.every(({ runs }) => runs.length === 1);
  const className = isCompact ? 'scores compact' : 'scores';
  return `<table class="${className}">
<thead><tr>${titles.join('')}</tr></thead>
${bodies.join('\n')}
</table>
<p class="soft">${escapeHtml(explanation(all, new Set(columns.flatMap(({ key }, c) => (shown[c] ? [key] : [])))))}</p>`;
}

function nameHtml({ label, color, runs }: Series, hasColor: boolean): string {
  const swatch = hasColor ? `<span class="swatch" style="background:${color}"></span>` : '';
  const seeds = runs.map(({ record }) => record.seeds.run);
  const told = seeds.length > 8 ? `${seeds.length} seeds` : `seed${seeds.length > 1 ? 's' : ''} ${seeds.join(', ')}`;
  const tau = `τ = ${runs[0]!.tau}`;
  return `${swatch}${escapeHtml(label)}` + `<small>${escapeHtml(`${told}; ${tau}`)}</small>`;
}

function cellHtml({ mean, std, difference }: SeriesScore, column: number, isBest: boolean): string {
  const number = twoDecimals(mean) ?? '–';
  const parts = [
    isBest ? `<b>${number}</b>` : number,
    std === undefined ? '' : ` <span class="std">± ${twoDecimals(std)}</span>`,
    difference === undefined ? '' : `<small>${signed(difference)}</small>`,
  ];
  return `<td data-column="${columns[column]!.title}">${parts.join('')}</td>`;
}

function signed(value: number): string {
  const rounded = twoDecimals(value).replace(/^-0\.00$/, '0.00');
  return rounded.startsWith('-') ? `−${rounded.slice(1)}` : `+${rounded}`;
}

/** What the shown columns mean. */
function explanation(all: readonly Series[], shown: ReadonlySet<MetricKey>): string {
  const [first] = all;
  const sentences = [
    'Percent of the test images that are classified correctly, over all of them, and the mean over the classes with ' +
      `${groupWords(all)}.`,
    aboutEqualMasses,
    shown.has('balanced_accuracy')
      ? 'The test images are unbalanced: balanced is the mean accuracy over all classes.'
      : '',
    shown.has('macro_f1') ? 'Macro-F1 is the mean F1 of the classes.' : '',
    shown.has('top5') ? 'Top-5: the images with the right class among the five most probable.' : '',
    all.some(({ runs }) => runs.length > 1) ? 'Mean ± sample standard deviation over the seeds.' : '',
    all.length > 1
      ? `Small: the difference to “${first!.label}”, in percentage points. Bold: the best of a column.`
      : '',
  ];
  return sentences.filter(text => text !== '').join(' ');
}
