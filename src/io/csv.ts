import { stringify } from 'csv-stringify/sync';

export type Cell = string | number | null | undefined;

/** CSV text of a header line and one line per record: comma, LF, quotes where needed; null and undefined are empty cells. */
export function toCsv(header: readonly string[], records: readonly (readonly Cell[])[]): string {
  return stringify([header, ...records] as Cell[][]);
}
