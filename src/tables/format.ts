/** Tables from the same rows in four dresses: aligned text for the terminal, Markdown, CSV, JSON. */
import { toCsv } from '../io/csv.js';
import { visibleLine } from '../io/visibleText.js';
import { type Column, type TableFormat, twoDecimals } from './column.js';

/**
 * A table of rows in one of the formats, without a final newline. Missing values are "–" in terminal and Markdown, empty in
 * CSV, null in JSON; percent columns hold percent with two decimals in every format.
 */
export function formatTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], format: TableFormat): string {
  const cells = rows.map(row => columns.map(column => cellOf(row, column)));
  const keys = columns.map(column => column.key);
  if (format === 'csv') return toCsv(keys, cells).trimEnd();
  if (format === 'json') {
    const value = (cell: string | undefined, { kind }: Column<Row>) =>
      cell === undefined ? null : kind === 'text' ? cell : Number(cell);
    const objects = cells.map(line =>
      Object.fromEntries(columns.map((column, c) => [column.key, value(line[c], column)])),
    );
    return JSON.stringify(objects, null, 2);
  }
  const shown = cells.map(line => line.map(cell => cell ?? '–'));
  const titles = columns.map(column => column.title);
  return format === 'md' ? markdown(titles, shown, columns) : aligned(titles, shown, columns);
}

function cellOf<Row>(row: Row, { kind, value }: Column<Row>): string | undefined {
  const content = value(row);
  if (content === undefined || content === '' || Number.isNaN(content)) return undefined;
  return kind === 'percent' ? twoDecimals(Number(content)) : String(content);
}

function markdown<Row>(
  titles: readonly string[],
  lines: readonly (readonly string[])[],
  columns: readonly Column<Row>[],
): string {
  const escaped = (cell: string) =>
    visibleLine(cell.replaceAll(/[\r\n]+/g, ' '))
      .replaceAll(/[\\|&[\]`]/g, sign => `\\${sign}`)
      // Not `\<`, in which a program that looks for `<!-- … -->` would still find it.
      .replaceAll('<', '&lt;');
  const rule = columns.map(({ kind }) => (kind === 'text' ? '---' : '---:'));
  return [titles.map(escaped), rule, ...lines.map(line => line.map(escaped))]
    .map(line => `| ${line.join(' | ')} |`)
    .join('\n');
}

function aligned<Row>(
  titles: readonly string[],
  lines: readonly (readonly string[])[],
  columns: readonly Column<Row>[],
): string {
  const shown = lines.map(line => line.map(visibleLine));
  const widths = titles.map((title, c) => Math.max(...[title, ...shown.map(line => line[c]!)].map(widthOf)));
  const pad = (cell: string, c: number) => {
    const space = ' '.repeat(widths[c]! - widthOf(cell));
    return columns[c]!.kind === 'text' ? cell + space : space + cell;
  };
  const rule = widths.map(width => '─'.repeat(width));
  return [titles, rule, ...shown].map(line => line.map(pad).join('  ').trimEnd()).join('\n');
}

function widthOf(text: string): number {
  return [...text].length;
}
