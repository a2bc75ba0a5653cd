/** The parts of a figure of the report; html.ts turns them into markup. */
import type { Series } from './series.js';

/** The picture of an entry in a legend, which looks like the marks of the plot. */
export type LegendMark = 'line' | 'dashed' | 'bar' | 'faint' | 'tick' | 'dot' | 'ring';

export interface LegendEntry {
  readonly label: string;
  /** A CSS colour, such as `var(--run-0)`. */
  readonly color: string;
  readonly mark: LegendMark;
}

export interface Panel {
  readonly heading?: string;
  /** SVG text for a width in px; called for a wide page and for a phone, but once for a small multiple. */
  draw(width: number): string;
}

export interface Figure {
  /** Anchor in the page. */
  readonly id: string;
  readonly title: string;
  /** What the figure shows, with split, checkpoint and τ. */
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

/** Legend entries of plain and of re-balanced predictions, in the colour of the text. */
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
