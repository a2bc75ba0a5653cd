/** How wide a text will be, without fonts: an estimate on the wide side, for room beside a plot. */
import { fontSize } from './svg.js';

/** Widths in em of DejaVu Sans, the widest of the fonts that the page's style may meet. */
const classes: readonly (readonly [RegExp, number])[] = [
  [/[ijlI'|.,:;!]/, 0.32],
  [/[ frt()[\]/-]/, 0.42],
  [/[mwMW…→%@]/, 1],
  [/[A-Z]/, 0.78],
  [/[a-z0-9]/, 0.64],
];

/** Width in px of a text at the size of the plots' text; letters of other scripts count as 1 em. */
export function textWidth(text: string): number {
  const ems = [...text].map(letter => classes.find(([letters]) => letters.test(letter))?.[1] ?? 1);
  return fontSize * ems.reduce((sum, em) => sum + em, 0);
}

/**
 * The name of a class with spaces for underscores, cut with “…” to at most `widest` px; tooltips have all of it.
 */
export function shortened(text: string, widest: number): string {
  return cut(text.replaceAll('_', ' '), widest);
}

/** The text cut with “…” to at most `widest` px. */
export function cut(text: string, widest: number): string {
  const letters = [...text];
  if (textWidth(letters.join('')) <= widest) return letters.join('');
  while (letters.length > 0 && textWidth(`${letters.join('')}…`) > widest) letters.pop();
  return `${letters.join('').trimEnd()}…`;
}
