import { stringify } from 'csv-stringify/sync';

export type Cell = string | number | null | undefined;

/**
 * The first character of a formula in spreadsheets, also in its full-width form; and the apostrophe that prevents one.
 */
const formula = /^['=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;
const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * CSV text of a header line and one line per record: comma, LF, quotes where needed; null and undefined are empty
 * cells. A text that a spreadsheet would take for a formula, or that begins with an apostrophe, gets an apostrophe in
 * front. A reader drops the first apostrophe.
 */
export function toCsv(header: readonly string[], records: readonly (readonly Cell[])[]): string {
  return stringify([header, ...records].map(line => line.map(cellOf)));
}

function cellOf(cell: Cell): Cell {
  return typeof cell === 'string' && formula.test(cell) && !number.test(cell) ? `'${cell}` : cell;
}
