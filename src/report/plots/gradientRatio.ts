/** The paper's argument: the gradient of each classifier from images of its class and from images of other classes. */
import { dot, lineY, ruleY } from '@observablehq/plot';
import { type Group, groupNames, groupOf } from '../../eval/groups.js';
import type { Figure, LegendEntry, Panel } from '../figure.js';
import type { EpochGradients } from '../gradients.js';
import type { Series } from '../series.js';
import { mostColors } from '../seriesLabels.js';
import { renderSvg } from '../svg.js';
import { type LogAxis, logAxis, logMarks } from './axes.js';

/** Most epochs drawn: more points would not change the line visibly and would make the file large. */
const mostEpochs = 60;
/** Share of the points at each end that may lie outside: a class of five images must not flatten the others. */
const outside = 0.01;
/** With more lines in all panels together only the medians are drawn. */
const mostClassLines = 400;
/** At most so many epochs also have dots, because a line of one epoch is invisible. */
const mostDots = 3;

const introduction =
  'For each class, the gradient its classifier got from images of the class (θ) over what it received from ' +
  'images of all other classes (ν), both summed since the start of training; at 1 the two are equal. ';
const source = 'Measured on the training images while training, so it has no split, checkpoint or τ.';

/** The figure of the series that recorded gradients; undefined without any. */
export function gradientRatioFigure(all: readonly Series[]): Figure | undefined {
  const shown = all.filter(({ runs }) => runs.some(({ gradients }) => gradients !== undefined && gradients.length > 0));
  if (shown.length === 0) return undefined;
  const isMany = all.length > mostColors;
  const without = all.filter(series => !shown.includes(series)).map(({ label }) => label);
  const ratios = shown.map(ratiosOfSeries);
  const hasLines = !isMany && ratios.flat().length <= mostClassLines;
  const medianLines = shown.map((series, index) => mediansOf(series, ratios[index]!));
  const axis = ratioAxis(medianLines, hasLines ? ratios : []);
  const isShort = shown.every(({ runs }) => runs.every(({ gradients = [] }) => gradients.length <= mostDots));
  const lines = hasLines
    ? `${isShort ? 'Rings' : 'Thin lines'} are classes (at most 1 % of their points at either end lie outside the ` +
      `frame and are left out), ${isShort ? 'dots' : 'thick ones'} the median of many, medium and few. `
    : `${isShort ? 'Dots' : 'Lines'} are the medians of many, medium and few. `;
  const means = shown.some(({ runs }) => runs.length > 1) ? 'Values are geometric means over the seeds. ' : '';
  return {
    id: 'gradients',
    title: 'Positive over received negative gradient',
    sentence:
      `${introduction}${lines}${means}${source}` +
      (without.length > 0 ? ` Not recorded by: ${without.join(', ')}.` : ''),
    legend: groupNames
      .filter(group => medianLines.some(lines => lines[group].length > 0))
      .map((group): LegendEntry => ({ label: group, color: `var(--${group})`, mark: isShort ? 'dot' : 'line' })),
    panels: shown.map((series, index) => {
      return panel(series, hasLines ? ratios[index]! : [], medianLines[index]!, axis, isMany);
    }),
    columns: isMany ? 'small' : shown.length === 1 ? 1 : 2,
  };
}

interface Ratio {
  readonly epoch: number;
  readonly ratio: number;
}

/** θ/ν of each class [C] at the drawn epochs, evenly on a logarithmic axis; without values where θ or ν is 0. */
export function ratiosOf(gradients: readonly EpochGradients[]): Ratio[][] {
  const places = Array.from({ length: mostEpochs }, (_, k) => gradients.length ** (k / (mostEpochs - 1)));
  const drawn = new Set(places.map(place => Math.round(place) - 1));
  const epochs = gradients.length <= mostEpochs ? gradients : gradients.filter((_, index) => drawn.has(index));
  return gradients[0]!.positive.map((_, klass) =>
    epochs.flatMap(({ epoch, positive, negative }) =>
      negative[klass]! > 0 && positive[klass]! > 0 ? [{ epoch, ratio: positive[klass]! / negative[klass]! }] : [],
    ),
  );
}

/** Geometric means over the runs of a series that recorded gradients. */
function ratiosOfSeries({ runs }: Series): Ratio[][] {
  const kept = runs.flatMap(({ gradients }) => (gradients && gradients.length > 0 ? [ratiosOf(gradients)] : []));
  if (kept.length === 1) return kept[0]!;
  return kept[0]!.map((_, klass) =>
    byEpoch(kept.flatMap(ratios => ratios[klass]!)).map(([epoch, ratios]) => ({
      epoch,
      ratio: Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length),
    })),
  );
}

type MedianLines = Readonly<Record<Group, readonly Ratio[]>>;

function mediansOf({ runs }: Series, ratios: readonly Ratio[][]): MedianLines {
  const { classCounts, groups: bounds } = runs[0]!.evaluation;
  const line = (group: Group) =>
    byEpoch(ratios.filter((_, klass) => groupOf(classCounts[klass]!, bounds) === group).flat()).map(
      ([epoch, values]) => ({
        epoch,
        ratio: median(values),
      }),
    );
  return { many: line('many'), medium: line('medium'), few: line('few') };
}

/** One axis for all panels, around 1, every median, and the points of the classes except the outermost. */
function ratioAxis(medianLines: readonly MedianLines[], ratios: readonly Ratio[][][]): LogAxis {
  const sorted = ratios
    .flat(2)
    .map(({ ratio }) => ratio)
    .sort((a, b) => a - b);
  const cut = Math.floor(outside * sorted.length);
  const kept = sorted.slice(cut, sorted.length - cut);
  const medians = medianLines.flatMap(lines => groupNames.flatMap(group => lines[group].map(({ ratio }) => ratio)));
  return logAxis([1, ...medians, ...kept], 1.05);
}

function panel(
  series: Series,
  ratios: readonly Ratio[][],
  medianLines: MedianLines,
  axis: LogAxis,
  isSmall: boolean,
): Panel {
  const { classCounts, groups: bounds } = series.runs[0]!.evaluation;
  const [lowest, highest] = axis.scale.domain;
  // Points outside are removed, not clipped: a clip path needs an id, but the page has every plot twice.
  const inside = (points: readonly Ratio[]) =>
    points.map(({ epoch, ratio }) => ({ epoch, ratio: ratio < lowest || ratio > highest ? Number.NaN : ratio }));
  const drawn = groupNames.flatMap(group => medianLines[group].map(({ epoch }) => epoch));
  const hasDots = new Set(drawn).size <= mostDots;
  const position = { x: 'epoch', y: 'ratio' };
  const marks = [
    ...ratios.map((points, klass) => {
      const color = `var(--${groupOf(classCounts[klass]!, bounds)})`;
      return hasDots
        ? dot(inside(points), { ...position, r: 3, stroke: color, strokeOpacity: 0.6 })
        : lineY(inside(points), { ...position, stroke: color, strokeWidth: 0.8, strokeOpacity: 0.4 });
    }),
    ...groupNames.flatMap(group => {
      const stroke = `var(--${group})`;
      const line = lineY(medianLines[group], { ...position, stroke, strokeWidth: isSmall ? 2 : 3 });
      return hasDots ? [line, dot(medianLines[group], { ...position, r: 5.5, fill: stroke })] : [line];
    }),
  ];
  const last = drawn.reduce((most, epoch) => Math.max(most, epoch), 1);
  const epochs: LogAxis =
    last === 1 ? { scale: { type: 'log', domain: [0.8, 1.25] }, ticks: [1] } : logAxis([1, last], 1, true);
  return {
    heading: series.label,
    draw: width =>
      renderSvg(width, `Positive over received negative gradient of each class by epoch, ${series.label}`, {
        height: isSmall ? 200 : 320,
        marginLeft: 48,
        x: { ...epochs.scale, label: 'epoch' },
        y: { ...axis.scale, label: 'θ ÷ ν', grid: axis.ticks as number[] },
        marks: [...logMarks('x', epochs), ...logMarks('y', axis), ruleY([1], { strokeOpacity: 0.6 }), ...marks],
      }),
  };
}

/** The ratios of each epoch, by epoch. */
function byEpoch(ratios: readonly Ratio[]): [epoch: number, ratios: number[]][] {
  const epochs = new Map<number, number[]>();
  for (const { epoch, ratio } of ratios) {
    const values = epochs.get(epoch);
    if (values) values.push(ratio);
    else epochs.set(epoch, [ratio]);
  }
  return [...epochs].sort(([a], [b]) => a - b);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
