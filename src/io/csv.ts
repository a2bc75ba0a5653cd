import { stringify } from 'csv-stringify/sync';

export type Cell = string | number | null | undefined;

/** What a spreadsheet takes for the beginning of a formula, the full-width forms too; and the mark against it. */
const formula = /^['=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;
const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * CSV text of a header line and one line per record: comma, LF, quotes where needed; null and undefined are empty
 * cells. A text that a spreadsheet would compute gets an apostrophe in front, and so does one that begins with an
 * apostrophe: to read it, drop the first.
 */
export function toCsv(header: readonly string[], records: readonly (readonly Cell[])[]): string {
  return stringify([header, ...records].map(line => line.map(cellOf)));
}

function cellOf(cell: Cell): Cell {
  return typeof cell === 'string' && formula.test(cell) && !number.test(cell) ? `'${cell}` : cell;
}
