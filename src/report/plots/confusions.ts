/** The pairs of classes that are confused most often. */
import { barX, text } from '@observablehq/plot';
import { labelCounts } from '../../eval/metrics.js';
import type { Figure, Panel } from '../figure.js';
import type { ReportRun } from '../reportRun.js';
import type { Series } from '../series.js';
import { sourceSentence, tauWords } from '../source.js';
import { renderSvg, shortened } from '../svg.js';

const shown = 12;
const rowHeight = 24;
/** In px: two names, their counts and the arrow then fit a phone. */
const widestName = 98;

type Kind = 'plain' | 'rebalanced';

export function confusionsFigure(all: readonly Series[]): Figure {
  const [only] = all.length === 1 ? all : [];
  const which = only ? `Plain predictions, and re-balanced at ${tauWords(all)}` : 'Plain predictions';
  const pooled = all.some(({ runs }) => runs.length > 1) ? ', of all seeds' : '';
  return {
    id: 'confusions',
    title: 'Worst confusions',
    sentence:
      `The ${shown} pairs “true → predicted” with the largest share of the true class's images, in percent; in ` +
      `brackets the training images of both. ${which}${pooled}. ${sourceSentence(all)}`,
    legend: [],
    panels: only
      ? [panel(only, 'Plain', 'plain'), panel(only, 'Re-balanced', 'rebalanced')]
      : all.map(series => panel(series, series.label, 'plain')),
    columns: 2,
  };
}

export interface Confusion {
  readonly label: number;
  readonly predicted: number;
  /** Images of the class `label` that were taken for `predicted`. */
  readonly images: number;
  /** Of all images of the class, a fraction. */
  readonly share: number;
}

/** The `most` pairs of different classes with the largest share, from predictions [N] and labels [N]; ties by class. */
export function worstConfusions(
  predictions: Int32Array,
  labels: Int32Array,
  classes: number,
  most: number,
): Confusion[] {
  const counts = labelCounts(labels, classes);
  const pairs = new Map<number, number>();
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] === predictions[i]) continue;
    const pair = labels[i]! * classes + predictions[i]!;
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
  }
  return [...pairs]
    .map(([pair, images]) => {
      const label = Math.floor(pair / classes);
      return { label, predicted: pair % classes, images, share: images / counts[label]! };
    })
    .sort((a, b) => b.share - a.share || a.label - b.label || a.predicted - b.predicted)
    .slice(0, most);
}

function panel({ label, color, runs }: Series, heading: string, kind: Kind): Panel {
  const { classNames, classCounts } = runs[0]!.evaluation;
  const nameOf = (klass: number) => `${shortened(classNames[klass]!, widestName)} (${classCounts[klass]})`;
  const predictions = joined(runs, run => run[kind]);
  const labels = joined(runs, ({ evaluation }) => evaluation.labels);
  const rows = worstConfusions(predictions, labels, classNames.length, shown).map((pair, rank) => ({
    rank,
    share: 100 * pair.share,
    name: `${nameOf(pair.label)} → ${nameOf(pair.predicted)}`,
    value: (100 * pair.share).toFixed(0),
    title: `${pair.images} images of ${classNames[pair.label]} were taken for ${classNames[pair.predicted]}`,
  }));
  return {
    heading: rows.length === 0 ? `${heading}: none` : heading,
    draw: width =>
      renderSvg(width, `Worst confusions of ${label}: ${heading}`, {
        height: rows.length * rowHeight + 8,
        marginLeft: 34,
        marginTop: 4,
        marginBottom: 4,
        marginRight: 4,
        x: { domain: [0, 100], axis: null },
        y: { domain: rows.map(({ rank }) => rank), axis: null, padding: 0.15 },
        marks: [
          barX(rows, { x: 100, y: 'rank', fill: 'currentColor', fillOpacity: 0.05 }),
          barX(rows, { x: 'share', y: 'rank', fill: color, fillOpacity: 0.45, title: 'title' }),
          text(rows, { x: 0, y: 'rank', text: 'value', textAnchor: 'end', dx: -6 }),
          text(rows, { x: 0, y: 'rank', text: 'name', textAnchor: 'start', dx: 6 }),
        ],
      }),
  };
}

function joined(runs: readonly ReportRun[], of: (run: ReportRun) => Int32Array): Int32Array {
  if (runs.length === 1) return of(runs[0]!);
  const all = new Int32Array(runs.reduce((sum, run) => sum + of(run).length, 0));
  let offset = 0;
  for (const run of runs) {
    all.set(of(run), offset);
    offset += of(run).length;
  }
  return all;
}
