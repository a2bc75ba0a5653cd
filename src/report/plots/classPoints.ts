/** One value per class over its number of training images: dots, and a line through them. */
import { dot, lineY, type Markish, type PlotOptions, ruleX, text } from '@observablehq/plot';
import { runColor } from '../figure.js';
import type { ReportRun } from '../reportRun.js';
import { logAxis, logMarks } from './axes.js';

export interface ClassPoint {
  /** Training images of the class. */
  readonly count: number;
  readonly value: number;
  /** Shown when the pointer rests on the dot. */
  readonly title: string;
}

/** Borders of few / medium / many. */
const borders = [20, 100] as const;

/** Neighbouring classes that the line averages over: about a tenth of them, an odd number; 1 for a few classes. */
export function windowOf(classes: number): number {
  return classes < 30 ? 1 : 2 * Math.round(classes / 20) + 1;
}

export function windowWords(classes: number): string {
  const window = windowOf(classes);
  return window === 1 ? 'the line joins the classes' : `the line is the mean of ${window} neighbouring classes`;
}

/** Points of one run in the order of their counts, without classes that have no training image or no value. */
export function classPoints(
  { evaluation }: ReportRun,
  pointOf: (klass: number) => Omit<ClassPoint, 'count'>,
): ClassPoint[] {
  return Array.from(evaluation.classCounts, (count, klass) => ({ count, ...pointOf(klass) }))
    .filter(({ count, value }) => count > 0 && !Number.isNaN(value))
    .sort((a, b) => a.count - b.count);
}

/** Marks of all runs, `points` in the order of the runs; `mean` is how neighbours are averaged. */
export function classPointMarks(
  points: readonly (readonly ClassPoint[])[],
  mean: (values: readonly number[]) => number,
): Markish[] {
  return points.flatMap((own, index) => {
    const color = runColor(index);
    return [
      dot(own, { x: 'count', y: 'value', r: 2.5, fill: color, fillOpacity: 0.55, title: 'title' }),
      lineY(smoothed(own, mean), { x: 'count', y: 'value', stroke: color, strokeWidth: 2 }),
    ];
  });
}

/** The axis of training images with the borders of few, medium and many: options, and marks to put below the points. */
export function frequencyAxis(runs: readonly ReportRun[]): { options: PlotOptions; marks: Markish[] } {
  const counts = runs.flatMap(({ evaluation }) => Array.from(evaluation.classCounts)).filter(count => count > 0);
  const fewest = counts.reduce((least, count) => Math.min(least, count), Infinity);
  const most = counts.reduce((largest, count) => Math.max(largest, count), 0);
  const axis = logAxis(counts, 1.1);
  const names = [
    { name: 'few', from: fewest, to: Math.min(borders[0], most) },
    { name: 'medium', from: Math.max(borders[0], fewest), to: Math.min(borders[1], most) },
    { name: 'many', from: Math.max(borders[1], fewest), to: most },
  ].filter(({ from, to }) => to > from);
  const middle = ({ from, to }: { from: number; to: number }) => Math.sqrt(from * to);
  return {
    options: { marginTop: 36, x: { ...axis.scale, label: 'training images of the class' } },
    marks: [
      ...logMarks('x', axis),
      ruleX(
        borders.filter(border => border > fewest && border < most),
        { strokeDasharray: '2 3', strokeOpacity: 0.5 },
      ),
      text(names, { x: middle, text: 'name', frameAnchor: 'top', dy: -12, fillOpacity: 0.7 }),
    ],
  };
}

export function arithmeticMean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(arithmeticMean(values.map(Math.log)));
}

/** Running means; the ends average over those there are. */
function smoothed(points: readonly ClassPoint[], mean: (values: readonly number[]) => number) {
  const reach = (windowOf(points.length) - 1) / 2;
  return points.map((_, index) => {
    const near = points.slice(Math.max(0, index - reach), index + reach + 1);
    return { count: geometricMean(near.map(({ count }) => count)), value: mean(near.map(({ value }) => value)) };
  });
}
