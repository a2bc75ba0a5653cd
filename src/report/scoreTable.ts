/** The answer of a report: the scores of each series, plain and re-balanced, and the difference to the first series. */
import { isShown, type MetricKey, metricKeys, metricOf } from '../eval/scores.js';
import { escapeHtml } from './markup.js';
import type { ReportRun } from './reportRun.js';
import { type Series, spreadOf } from './series.js';
import { mostColors } from './seriesLabels.js';
import { groupWords } from './source.js';

/** Top-1 is called “all” beside the groups. */
const columns = metricKeys.map(key => ({ key, title: key === 'top1' ? 'all' : metricOf(key).title }));

const kinds = ['plain', 'rebalanced'] as const;
type Kind = (typeof kinds)[number];

/** A score of a series, in percent. */
interface SeriesScore {
  readonly mean: number | undefined;
  /** Sample standard deviation over the runs; undefined for fewer than two. */
  readonly std: number | undefined;
  /** Mean less that of the first series, the same predictions; undefined in the first series. */
  readonly difference: number | undefined;
}

/** Score of a series, in percent, beside the same score of the series `first`. */
function seriesScore(series: Series, first: Series, kind: Kind, key: MetricKey): SeriesScore {
  const numberOf = ({ scores }: ReportRun) => scores[kind][key];
  const { mean, std } = spreadOf(series, numberOf);
  const before = spreadOf(first, numberOf).mean;
  const isCompared = series !== first && mean !== undefined && before !== undefined;
  return { mean, std, difference: isCompared ? mean - before : undefined };
}

/** The table with a sentence that explains it. */
export function scoreTableHtml(all: readonly Series[]): string {
  const [first] = all;
  const scores = all.map(series => kinds.map(kind => columns.map(({ key }) => seriesScore(series, first!, kind, key))));
  const plain = all.flatMap(({ runs }) => runs.map(({ scores }) => scores.plain));
  const shown = columns.map(
    ({ key }, c) => isShown(key, plain) && scores.flat().some(line => line[c]!.mean !== undefined),
  );
  const best = columns.map((_, c) => Math.max(...scores.flat().map(line => line[c]!.mean ?? -1)).toFixed(2));
  const isRanked = all.length > 1;
  const cells = (line: readonly SeriesScore[]) =>
    line.flatMap((score, c) => (shown[c] ? [cellHtml(score, c, isRanked && score.mean?.toFixed(2) === best[c])] : []));
  const bodies = all.map((series, index) => {
    const head = `<th scope="rowgroup" rowspan="2">${nameHtml(series)}</th>`;
    const [plain, rebalanced] = scores[index]!;
    return (
      `<tbody><tr>${head}<th scope="row">plain</th>${cells(plain!).join('')}</tr>` +
      `<tr><th scope="row">re-balanced</th>${cells(rebalanced!).join('')}</tr></tbody>`
    );
  });
  const titles = ['config', 'predictions', ...columns.flatMap(({ title }, c) => (shown[c] ? title : []))].map(
    title => `<th scope="col">${title}</th>`,
  );
  const className = all.length > mostColors ? 'scores compact' : 'scores';
  return `<table class="${className}">
<thead><tr>${titles.join('')}</tr></thead>
${bodies.join('\n')}
</table>
<p class="soft">${escapeHtml(explanation(all))}</p>`;
}

function nameHtml({ label, color, runs }: Series): string {
  const seeds = runs.map(({ record }) => record.seeds.run);
  const told = seeds.length > 8 ? `${seeds.length} seeds` : `seed${seeds.length > 1 ? 's' : ''} ${seeds.join(', ')}`;
  const tau = `τ = ${runs[0]!.tau}`;
  return (
    `<span class="swatch" style="background:${color}"></span>${escapeHtml(label)}` +
    `<small>${escapeHtml(`${told}; ${tau}`)}</small>`
  );
}

function cellHtml({ mean, std, difference }: SeriesScore, column: number, isBest: boolean): string {
  const number = mean === undefined ? '–' : mean.toFixed(2);
  const parts = [
    isBest ? `<b>${number}</b>` : number,
    std === undefined ? '' : ` <span class="std">± ${std.toFixed(2)}</span>`,
    difference === undefined ? '' : `<small>${signed(difference)}</small>`,
  ];
  return `<td data-column="${columns[column]!.title}">${parts.join('')}</td>`;
}

function signed(value: number): string {
  const rounded = value.toFixed(2).replace(/^-0\.00$/, '0.00');
  return rounded.startsWith('-') ? `−${rounded.slice(1)}` : `+${rounded}`;
}

function explanation(all: readonly Series[]): string {
  const [first] = all;
  const sentences = [
    'Percent of the test images that are classified correctly, over all of them, and the mean over the classes with ' +
      `${groupWords(first!.runs[0]!)} training images.`,
    all.some(({ runs }) =>
      isShown(
        'balanced_accuracy',
        runs.map(({ scores }) => scores.plain),
      ),
    )
      ? 'The test images are unbalanced: balanced is the mean accuracy over all classes, macro-F1 the mean of their F1.'
      : '',
    all.some(({ runs }) => runs.length > 1) ? 'Mean ± sample standard deviation over the seeds.' : '',
    all.length > 1
      ? `Small: the difference to “${first!.label}”, in percentage points. Bold: the best of a column.`
      : '',
  ];
  return sentences.filter(text => text !== '').join(' ');
}
