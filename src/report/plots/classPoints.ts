/** One value per class over its number of training images: dots, and from many classes on a line through them. */
import { dot, lineY, type Markish, type PlotOptions, ruleX, text } from '@observablehq/plot';
import type { GroupBounds } from '../../eval/groups.js';
import type { Series } from '../series.js';
import { sharedGroups } from '../source.js';
import { logAxis, logMarks } from './axes.js';

export interface ClassPoint {
  /** Training images of the class. */
  readonly count: number;
  readonly value: number;
  /** Shown when the pointer rests on the dot. */
  readonly title: string;
}

/** Fewer classes have no line, which would be a zigzag. */
const fewestForLine = 30;

/** Neighbouring classes that the line averages over: about a tenth of them, an odd number; 1 for a few classes. */
export function windowOf(classes: number): number {
  return classes < fewestForLine ? 1 : 2 * Math.round(classes / 20) + 1;
}

/** `; the line is the mean of 11 neighbouring classes`; empty for a few classes, which have no line. */
export function windowWords(classes: number): string {
  return classes < fewestForLine ? '' : `; the line is the mean of ${windowOf(classes)} neighbouring classes`;
}

/** More dots have no tooltips, which would make the page large. */
const mostTitles = 1000;
/** A panel of more dots has lines only. */
const mostDots = 4000;

/** Points of one series in the order of their counts, without classes that have no training image or no value. */
export function classPoints({ runs }: Series, pointOf: (klass: number) => Omit<ClassPoint, 'count'>): ClassPoint[] {
  return Array.from(runs[0]!.evaluation.classCounts, (count, klass) => ({ count, ...pointOf(klass) }))
    .filter(({ count, value }) => count > 0 && !Number.isNaN(value))
    .sort((a, b) => a.count - b.count);
}

/** Marks of all series, with `points` in the same order; `mean` averages neighbouring classes. */
export function classPointMarks(
  all: readonly Series[],
  points: readonly (readonly ClassPoint[])[],
  mean: (values: readonly number[]) => number,
): Markish[] {
  const total = points.reduce((sum, own) => sum + own.length, 0);
  return points.flatMap((own, index) => {
    const { color } = all[index]!;
    const isFew = own.length < fewestForLine;
    const dots = dot(own, {
      x: 'count',
      y: 'value',
      r: isFew ? 4.5 : own.length > 300 ? 1.8 : 2.5,
      fill: color,
      fillOpacity: isFew ? 0.8 : own.length > 300 ? 0.35 : 0.55,
      ...(total <= mostTitles && { title: 'title' }),
    });
    if (isFew) return [dots];
    return [
      ...(total <= mostDots ? [dots] : []),
      lineY(smoothed(own, mean), { x: 'count', y: 'value', stroke: color, strokeWidth: 2 }),
    ];
  });
}

/**
 * The axis of training images: options, and marks to put below the points. It has the borders of few, medium and many
 * where the series share them.
 */
export function frequencyAxis(all: readonly Series[]): { options: PlotOptions; marks: Markish[] } {
  let [fewest, most] = [Infinity, 0];
  for (const { evaluation } of all.flatMap(({ runs }) => runs)) {
    for (const count of evaluation.classCounts) {
      if (count > 0) fewest = Math.min(fewest, count);
      most = Math.max(most, count);
    }
  }
  const axis = logAxis([fewest, most], 1.1, true);
  return {
    options: { marginTop: 42, x: { ...axis.scale, label: 'training images of the class' } },
    marks: [...logMarks('x', axis), ...groupMarks(sharedGroups(all), fewest, most)],
  };
}

function groupMarks(groups: GroupBounds | undefined, fewest: number, most: number): Markish[] {
  if (groups === undefined) return [];
  const { few, many } = groups;
  const names = [
    { name: 'few', from: fewest, to: Math.min(few, most) },
    { name: 'medium', from: Math.max(few, fewest), to: Math.min(many, most) },
    { name: 'many', from: Math.max(many, fewest), to: most },
  ].filter(({ from, to }) => to > from);
  const middle = ({ from, to }: { from: number; to: number }) => Math.sqrt(from * to);
  return [
    ruleX(
      [few, many].filter(border => border > fewest && border < most),
      { strokeDasharray: '2 3', strokeOpacity: 0.5 },
    ),
    text(names, { x: middle, text: 'name', frameAnchor: 'top', dy: -17, fillOpacity: 0.7 }),
  ];
}

export function arithmeticMean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(arithmeticMean(values.map(Math.log)));
}

/** Running means, at most 150; the windows at both ends are shorter. */
export function smoothed(points: readonly ClassPoint[], mean: (values: readonly number[]) => number) {
  const reach = (windowOf(points.length) - 1) / 2;
  const step = Math.max(1, Math.floor(points.length / 150));
  return points.flatMap((_, index) => {
    if (index % step !== 0 && index !== points.length - 1) return [];
    const near = points.slice(Math.max(0, index - reach), index + reach + 1);
    return [{ count: geometricMean(near.map(({ count }) => count)), value: mean(near.map(({ value }) => value)) }];
  });
}
