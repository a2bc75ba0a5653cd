/** Axes that Plot's own choice of ticks does not suit: logarithmic ones and epochs. */
import { axisX, axisY, type Markish } from '@observablehq/plot';

export interface LogAxis {
  readonly scale: { readonly type: 'log'; readonly domain: [number, number] };
  readonly ticks: readonly number[];
}

/** A logarithmic axis around positive numbers, with a label at every tick: 1, 2, 5 a decade, more in less than one, fewer in many. */
export function logAxis(values: readonly number[], room: number): LogAxis {
  const lowest = values.reduce((least, value) => Math.min(least, value), Infinity) / room;
  const highest = values.reduce((most, value) => Math.max(most, value), 0) * room;
  const decades = Math.log10(highest / lowest);
  const steps =
    decades > 4.5 ? [1] : decades > 2.5 ? [1, 3] : decades > 0.8 ? [1, 2, 5] : [1, 1.2, 1.5, 2, 3, 4, 5, 6, 8];
  const [first, last] = [Math.floor(Math.log10(lowest)), Math.ceil(Math.log10(highest))];
  const ticks = Array.from({ length: last - first + 1 }, (_, k) => steps.map(step => Number(`${step}e${first + k}`)))
    .flat()
    .filter(tick => tick >= lowest && tick <= highest);
  return { scale: { type: 'log', domain: [lowest, highest] }, ticks };
}

/** Marks of a logarithmic axis; Plot's implicit one takes away every label that it finds too near to a power of ten. */
export function logMarks(axis: 'x' | 'y', { ticks }: LogAxis): Markish[] {
  return [axis === 'x' ? axisX(ticks, { text: String }) : axisY(ticks, { text: String })];
}

/** Options of an axis from epoch 1 to `last`, with ticks at whole epochs. */
export function epochAxis(last: number) {
  const end = Math.max(2, last);
  const step = [1, 2, 5, 10, 20, 25, 50, 100, 200, 500].find(size => end / size <= 8) ?? 1000;
  const ticks = Array.from({ length: Math.floor(end / step) }, (_, k) => (k + 1) * step);
  return { label: 'epoch', domain: [1, end], ticks, tickFormat: String };
}
