/**
 * A plot as SVG text, drawn by Observable Plot on linkedom's document: no browser, no fonts, no script. The width of a
 * text beside a plot is therefore an estimate, on the wide side.
 */
import { type PlotOptions, plot } from '@observablehq/plot';
import { parseHTML } from 'linkedom';

const fontSize = 12;

/** Widths of a panel in px: by the columns of a wide page, and for a phone (390 px minus the page's margins). */
export const panelWidths = { 1: 920, 2: 448, 3: 292, small: 292, phone: 350 } as const;

/**
 * One plot, `width` px wide. Colours are CSS variables and currentColor, which the page's light and dark styles reach;
 * `description` is read out by screen readers.
 */
export function renderSvg(width: number, description: string, options: PlotOptions): string {
  const { document } = parseHTML('<html><body></body></html>');
  const svg = plot({
    document: document as unknown as NonNullable<PlotOptions['document']>,
    width,
    style: { fontSize: `${fontSize}px` },
    ariaLabel: description,
    className: 'plot',
    // Plot's default margins are for smaller text: the axis labels would touch the ticks.
    marginTop: 30,
    marginBottom: 44,
    ...options,
  }) as unknown as Element;
  svg.setAttribute('role', 'img');
  // The page's style has these rules once for all plots.
  svg.querySelector('style')?.remove();
  return shortenNumbers(svg.outerHTML);
}

/** Rounds the numbers in tags to hundredths of a px, which makes the text a third of its size. */
function shortenNumbers(markup: string): string {
  const shorten = (number: string) => String(Number(Number(number).toFixed(2)));
  return markup.replaceAll(/<[^>]*>/g, tag => (tag.startsWith('<svg') ? tag : tag.replaceAll(/\d+\.\d{3,}/g, shorten)));
}

type Element = { setAttribute(name: string, value: string): void; querySelector(s: string): Element | null } & {
  remove(): void;
  readonly outerHTML: string;
};

/** Widths in em of DejaVu Sans, the widest of the fonts that the page's style may use. */
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
