/** A logarithmic axis with few, readable ticks: 1, 3 and 10, or powers of ten where there are many decades. */

const mostDecades = 4;

/** Scale options around positive `values` and 1. */
export function logAxis(values: readonly number[]) {
  const lowest = values.reduce((least, value) => Math.min(least, value), 1) / 1.3;
  const highest = values.reduce((most, value) => Math.max(most, value), 1) * 1.3;
  const [first, last] = [Math.floor(Math.log10(lowest)), Math.ceil(Math.log10(highest))];
  const steps = last - first > mostDecades ? [1] : [1, 3];
  const ticks = Array.from({ length: last - first + 1 }, (_, k) => steps.map(step => Number(`${step}e${first + k}`)))
    .flat()
    .filter(tick => tick >= lowest && tick <= highest);
  return { type: 'log' as const, domain: [lowest, highest], ticks, tickFormat: String, grid: ticks };
}
