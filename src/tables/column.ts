/** The columns of a table: name, heading and cell of each. */

export type TableFormat = 'terminal' | 'md' | 'csv' | 'json';

export interface Column<Row> {
  /** Name in CSV and JSON. */
  readonly key: string;
  /** Heading in terminal and Markdown. */
  readonly title: string;
  /** `percent` shows percent with two decimals. */
  readonly kind: 'text' | 'number' | 'percent';
  value(row: Row): string | number | undefined;
  /**
   * Whether a table of these rows shows the column; always where this is absent. CSV and JSON have all columns.
   */
  isShown?(rows: readonly Row[]): boolean;
  /** The column is left out in a terminal that is too narrow; columns of higher numbers go first. */
  readonly dispensable?: number;
}

/** A fraction as percent with two decimals; undefined for undefined or NaN. */
export function percent(fraction: number | undefined): string | undefined {
  return fraction === undefined ? undefined : twoDecimals(100 * fraction);
}

/**
 * Undefined for undefined or NaN. A mean of fractions and one of percent differ in the last bit; without rounding that
 * bit away first, 60.125 would be 60.12 in one place and 60.13 in another.
 */
export function twoDecimals(value: number): string;
export function twoDecimals(value: number | undefined): string | undefined;
export function twoDecimals(value: number | undefined): string | undefined {
  return value === undefined || Number.isNaN(value) ? undefined : Number(value.toFixed(8)).toFixed(2);
}
