/** What a figure of the report is made of; src/report/html.ts turns it into markup. */
import type { Series } from './series.js';

/** How a legend shows its entry: as the marks of the plot look. */
export type LegendMark = 'line' | 'dashed' | 'bar' | 'faint' | 'tick' | 'dot' | 'ring';

export interface LegendEntry {
  readonly label: string;
  /** A CSS colour, such as `var(--run-0)`. */
  readonly color: string;
  readonly mark: LegendMark;
}

export interface Panel {
  readonly heading?: string;
  /** SVG text for a width in px; called once for a wide page and once for a phone, of small multiples once for both. */
  draw(width: number): string;
}

export interface Figure {
  /** Anchor in the page. */
  readonly id: string;
  readonly title: string;
  /** What the figure shows, and of which split, checkpoint and τ. */
  readonly sentence: string;
  readonly legend: readonly LegendEntry[];
  readonly panels: readonly Panel[];
  /** Panels side by side on a wide page; `small` for small multiples. */
  readonly columns: 1 | 2 | 3 | 'small';
}

/** Legend entries of all series with one mark each. */
export function seriesLegend(all: readonly Series[], mark: LegendMark): LegendEntry[] {
  return all.map(({ label, color }) => ({ label, color, mark }));
}

/** Legend entries that tell plain from re-balanced predictions, in the text's colour. */
export function predictionLegend(plain: LegendMark, rebalanced: LegendMark): LegendEntry[] {
  return [
    { label: 'plain', color: 'currentColor', mark: plain },
    { label: 're-balanced', color: 'currentColor', mark: rebalanced },
  ];
}

/** At most `most` of the values, evenly spaced, with the first and the last. */
export function evenlySpaced<Value>(values: readonly Value[], most: number): Value[] {
  if (values.length <= most) return [...values];
  return Array.from({ length: most }, (_, k) => values[Math.round((k * (values.length - 1)) / (most - 1))]!);
}
