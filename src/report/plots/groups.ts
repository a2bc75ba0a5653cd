/** Top-1 over all images and over many / medium / few, by series. */
import { barX, dot, type Markish, ruleX, ruleY, text } from '@observablehq/plot';
import { groupKeys, type MetricKey } from '../../eval/scores.js';
import { twoDecimals } from '../../tables/column.js';
import { type Figure, type LegendEntry, type Panel, predictionLegend, seriesLegend } from '../figure.js';
import { type Series, spreadOf } from '../series.js';
import { mostColors } from '../seriesLabels.js';
import { groupWords, sourceSentence, tauWords } from '../source.js';
import { cut, renderSvg, textWidth } from '../svg.js';

const sets: readonly { readonly key: MetricKey; readonly title: string }[] = [
  { key: 'top1', title: 'all' },
  ...groupKeys.map(key => ({ key, title: key })),
];
const barHeight = 17;

export function groupsFigure(all: readonly Series[]): Figure {
  const isMany = all.length > mostColors;
  const spread = all.some(({ runs }) => runs.length > 1) ? ' Whiskers are one standard deviation over the seeds.' : '';
  const legend: readonly LegendEntry[] = isMany
    ? predictionLegend('ring', 'dot')
    : [...seriesLegend(all, 'bar'), ...predictionLegend('bar', 'faint')];
  return {
    id: 'groups',
    title: 'Many, medium and few',
    sentence:
      `Top-1 over all images, and the mean accuracy of the classes with ${groupWords(all)}; ` +
      `plain, and re-balanced at ${tauWords(all)}.${spread} ${sourceSentence(all)}`,
    legend,
    panels: isMany ? dotPanels(all) : [barPanel(all)],
    columns: isMany ? 2 : 1,
  };
}

interface Row {
  readonly set: string;
  readonly series: string;
  readonly isPlain: boolean;
  /** Percent, as are `low` and `high`, one standard deviation to either side. */
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
  readonly color: string;
  readonly title: string;
}

function rowsOf(series: Series, isPlain: boolean): Row[] {
  return sets.flatMap(({ key, title: set }) => {
    const { mean, std = 0 } = spreadOf(series, ({ scores }) => scores[isPlain ? 'plain' : 'rebalanced'][key]);
    if (mean === undefined) return [];
    const title = `${series.label}, ${isPlain ? 'plain' : 're-balanced'}: ${twoDecimals(mean)} %`;
    const range = { low: mean - std, high: mean + std };
    return [{ set, series: series.label, isPlain, accuracy: mean, ...range, color: series.color, title }];
  });
}

function barPanel(all: readonly Series[]): Panel {
  const rows = all.flatMap((series, index) =>
    [true, false].flatMap(isPlain =>
      rowsOf(series, isPlain).map(row => ({ ...row, bar: `${index} ${isPlain}`, opacity: isPlain ? 0.85 : 0.4 })),
    ),
  );
  const shown = sets.filter(({ title }) => rows.some(row => row.set === title));
  const bars = [...new Set(rows.map(row => row.bar))];
  const places = { y: 'bar', fy: 'set' };
  return {
    draw: width =>
      renderSvg(width, 'Top-1 of all, many, medium and few', {
        height: shown.length * (bars.length * barHeight + 14) + 52,
        marginTop: 8,
        marginLeft: 60,
        marginRight: 46,
        x: { domain: [0, 100], label: 'accuracy (%)', grid: true },
        y: { domain: bars, axis: null, padding: 0.12 },
        fy: { domain: shown.map(({ title }) => title), label: null, axis: 'left', padding: 0.12 },
        marks: [
          barX(rows, { ...places, x: 'accuracy', fill: 'color', fillOpacity: 'opacity', title: 'title' }),
          whiskers(rows, places),
          text(rows, {
            ...places,
            x: 'high',
            text: ({ accuracy }: Row) => twoDecimals(accuracy),
            textAnchor: 'start',
            dx: 4,
          }),
          ruleX([0]),
        ],
        opacity: { type: 'identity' },
      }),
  };
}

/** A panel for each of all, many, medium and few, a line for each series: plain as a ring, re-balanced as a dot. */
function dotPanels(all: readonly Series[]): Panel[] {
  const rows = all.flatMap(series => [...rowsOf(series, true), ...rowsOf(series, false)]);
  return sets.flatMap(({ title }): Panel[] => {
    const own = rows.filter(({ set }) => set === title);
    if (own.length === 0) return [];
    const places = { x: 'accuracy', y: 'series', title: 'title' };
    const ends = own.flatMap(({ low, high }) => [low, high]);
    const domain = [Math.max(0, 5 * Math.floor(Math.min(...ends) / 5)), 5 * Math.ceil(Math.max(...ends) / 5)];
    return [
      {
        heading: title[0]!.toUpperCase() + title.slice(1),
        draw: width => {
          const names = new Map(all.map(({ label }) => [label, cut(label, 0.45 * width)]));
          return renderSvg(width, `Accuracy of ${title} by series`, {
            height: all.length * 18 + 84,
            marginLeft: [...names.values()].reduce((widest, name) => Math.max(widest, textWidth(name)), 0) + 12,
            marginRight: 24,
            marginTop: 40,
            x: { label: 'accuracy (%)', domain, axis: 'both', grid: true, ticks: 3 },
            y: {
              domain: all.map(({ label }) => label),
              label: null,
              tickFormat: (label: string) => names.get(label)!,
              tickSize: 0,
            },
            marks: [
              whiskers(own, { y: 'series' }),
              dot(
                own.filter(({ isPlain }) => isPlain),
                { ...places, r: 4.5, stroke: 'color', strokeWidth: 1.8 },
              ),
              dot(
                own.filter(({ isPlain }) => !isPlain),
                { ...places, r: 4.5, fill: 'color' },
              ),
            ],
          });
        },
      },
    ];
  });
}

function whiskers(rows: readonly Row[], places: { readonly y: string; readonly fy?: string }): Markish {
  return ruleY(
    rows.filter(({ low, high }) => high > low),
    { ...places, x1: 'low', x2: 'high', stroke: 'currentColor', strokeWidth: 1.5, strokeOpacity: 0.8 },
  );
}
