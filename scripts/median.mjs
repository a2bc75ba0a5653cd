/** The median of numbers, of an even count the mean of the middle two; undefined where there are none. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return sorted.length === 0 ? undefined : (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}
