/** Axes for which Plot's choice of ticks is not good: logarithmic axes and epochs. */
import { axisX, axisY, type Markish } from '@observablehq/plot';

export interface LogAxis {
  readonly scale: { readonly type: 'log'; readonly domain: [number, number] };
  readonly ticks: readonly number[];
}

/** With fewer ticks a reader cannot estimate a value. */
const fewestTicks = 4;

/** Ticks per decade. An axis takes the first entry that has fewer decades than the axis and gives enough ticks. */
const decadeSteps: readonly (readonly [decades: number, steps: readonly number[]])[] = [
  [4.5, [1]],
  [2.5, [1, 3]],
  [0.8, [1, 2, 5]],
  [0.8, [1, 2, 3, 5]],
  [-Infinity, [1, 1.2, 1.5, 2, 3, 4, 5, 6, 8]],
];

/**
 * A logarithmic axis around positive numbers, with a label at every tick: 1, 2, 5 a decade, fewer in many decades, more
 * in few, evenly spaced ones where even those are too few. `room` widens the domain at both ends; `whole`
 * keeps to whole numbers.
 */
export function logAxis(values: readonly number[], room: number, whole = false): LogAxis {
  const lowest = values.reduce((least, value) => Math.min(least, value), Infinity) / room;
  const highest = values.reduce((most, value) => Math.max(most, value), 0) * room;
  const decades = Math.log10(highest / lowest);
  const [first, last] = [Math.floor(Math.log10(lowest)), Math.ceil(Math.log10(highest))];
  const isUsable = (tick: number) => tick >= lowest && tick <= highest && (!whole || Number.isInteger(tick));
  const ticksOf = (steps: readonly number[]) =>
    Array.from({ length: last - first + 1 }, (_, k) => steps.map(step => Number(`${step}e${first + k}`)))
      .flat()
      .filter(isUsable);
  const ticks = decadeSteps
    .flatMap(([fewest, steps]) => (decades > fewest ? [ticksOf(steps)] : []))
    .find(({ length }) => length >= fewestTicks);
  return {
    scale: { type: 'log', domain: [lowest, highest] },
    ticks: ticks ?? evenTicks(lowest, highest).filter(isUsable),
  };
}

/** About five round numbers from `lowest` to `highest`. */
function evenTicks(lowest: number, highest: number): number[] {
  const span = highest - lowest;
  const exponent = Math.floor(Math.log10(span)) - 1;
  const step = [1, 2, 5, 10, 20, 50].map(size => Number(`${size}e${exponent}`)).find(size => span / size <= 7);
  if (!(step! > 0)) return [lowest];
  const start = Math.ceil(lowest / step!);
  const count = Math.floor(highest / step!) - start + 1;
  return Array.from({ length: count }, (_, k) => Number(((start + k) * step!).toPrecision(12)));
}

/** Marks of a logarithmic axis; Plot's default axis removes every label that is close to a power of ten. */
export function logMarks(axis: 'x' | 'y', { ticks }: LogAxis): Markish[] {
  return [axis === 'x' ? axisX(ticks, { text: String }) : axisY(ticks, { text: String })];
}

/** Options of an axis from epoch 1 to `last` with at most `most` ticks; a single epoch stands in the middle. */
export function epochAxis(last: number, most = 8) {
  const step = [1, 2, 5, 10, 20, 25, 50, 100, 200, 500].find(size => last / size <= most) ?? 1000;
  const ticks = Array.from({ length: Math.max(1, Math.floor(last / step)) }, (_, k) => (k + 1) * step);
  return { label: 'epoch', domain: last <= 1 ? [0.5, 1.5] : [1, last], ticks, tickFormat: String };
}
