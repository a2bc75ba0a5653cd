/** Tables from the same rows in four dresses: aligned text for the terminal, Markdown, CSV, JSON. */
import { toCsv } from '../io/csv.js';
import { visibleLine } from '../io/visibleText.js';
import { type Column, type TableFormat, twoDecimals } from './column.js';

export interface TableLayout {
  /** All columns, also in a terminal and in Markdown. */
  readonly wide?: boolean | undefined;
  /** Characters of a terminal line; without, lines are as long as they get. */
  readonly width?: number | undefined;
}

/**
 * A table of rows in one of the formats, without a final newline. Missing values are "–" in terminal and Markdown,
 * empty in CSV, null in JSON; percent columns hold percent with two decimals in every format. A terminal table that is
 * wider than `width` does without its dispensable columns, and tells them below, with their value where all rows have
 * the same one.
 */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  format: TableFormat,
  { wide = false, width }: TableLayout = {},
): string {
  if (format === 'csv' || format === 'json') return formatData(rows, columns, format);
  const chosen = wide ? columns : columns.filter(({ isShown }) => isShown?.(rows) ?? true);
  const shown = chosen.map(column => ({
    ...column,
    cells: rows.map(row => cellOf(row, column) ?? '–').map(cell => (format === 'md' ? cell : visibleLine(cell))),
  }));
  if (format === 'md') return markdown(shown, rows.length);
  return wide || width === undefined ? aligned(shown) : fitted(shown, width);
}

/** A column with its cells, a line each. */
interface Cells extends Pick<Column<never>, 'title' | 'kind' | 'dispensable'> {
  readonly cells: readonly string[];
}

function formatData<Row>(rows: readonly Row[], columns: readonly Column<Row>[], format: 'csv' | 'json'): string {
  const cells = rows.map(row => columns.map(column => cellOf(row, column)));
  if (format === 'csv')
    return toCsv(
      columns.map(({ key }) => key),
      cells,
    ).trimEnd();
  const value = (cell: string | undefined, { kind }: Column<Row>) =>
    cell === undefined ? null : kind === 'text' ? cell : Number(cell);
  const objects = cells.map(line =>
    Object.fromEntries(columns.map((column, c) => [column.key, value(line[c], column)])),
  );
  return JSON.stringify(objects, null, 2);
}

function cellOf<Row>(row: Row, { kind, value }: Column<Row>): string | undefined {
  const content = value(row);
  if (content === undefined || content === '' || Number.isNaN(content)) return undefined;
  return kind === 'percent' ? twoDecimals(Number(content)) : String(content);
}

function markdown(columns: readonly Cells[], rows: number): string {
  const escaped = (cell: string) =>
    visibleLine(cell.replaceAll(/[\r\n]+/g, ' '))
      .replaceAll(/[\\|&[\]`]/g, sign => `\\${sign}`)
      // Not `\<`, in which a program that looks for `<!-- … -->` would still find it.
      .replaceAll('<', '&lt;');
  const rule = columns.map(({ kind }) => (kind === 'text' ? '---' : '---:'));
  const lines = Array.from({ length: rows }, (_, row) => columns.map(({ cells }) => escaped(cells[row]!)));
  return [columns.map(({ title }) => escaped(title)), rule, ...lines].map(line => `| ${line.join(' | ')} |`).join('\n');
}

/**
 * `aligned` in so many characters, with a line about the columns that it leaves out; names are folded where that is not
 * enough.
 */
function fitted(columns: readonly Cells[], width: number): string {
  let kept = columns;
  const left: Cells[] = [];
  const byNeed = columns.filter(({ dispensable }) => dispensable !== undefined);
  for (const column of byNeed.sort((a, b) => b.dispensable! - a.dispensable!)) {
    if (lineWidth(kept) <= width) break;
    kept = kept.filter(other => other !== column);
    left.push(column);
  }
  const excess = lineWidth(kept) - width;
  const table = aligned(excess > 0 ? folded(kept, excess) : kept);
  return left.length === 0 ? table : `${table}\n\n${foldedLines(left.map(describeLeft).join(' '), width).join('\n')}`;
}

/** `Split: test.`, or `Left out: epoch.` of a column whose rows differ. */
function describeLeft({ title, cells }: Cells): string {
  const values = new Set(cells.filter(cell => cell !== '–'));
  const name = title.replace(/^[a-z]/, letter => letter.toUpperCase()); // a capital τ would be read as a T
  return values.size === 1 ? `${name}: ${[...values][0]}.` : `Left out: ${title}.`;
}

/**
 * The widest column of text narrower by `excess`, but no narrower than a word of some length: its cells get several
 * lines.
 */
function folded(columns: readonly Cells[], excess: number): Cells[] {
  const texts = columns.filter(({ kind }) => kind === 'text');
  const widest = texts.sort((a, b) => columnWidth(b) - columnWidth(a))[0];
  return columns.map(column => {
    if (column !== widest) return column;
    const room = Math.max(columnWidth(column) - excess, 16);
    return { ...column, cells: column.cells.map(cell => foldedLines(cell, room).join('\n')) };
  });
}

/** A text in lines of at most `width` characters, broken behind a space, `/` or `_` where there is one. */
function foldedLines(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = [...text];
  while (rest.length > width) {
    const at = rest.slice(0, width + 1).findLastIndex((letter, i) => i > 0 && /[ /_]/.test(letter));
    const end = at === -1 || (rest[at] !== ' ' && at === width) ? width : rest[at] === ' ' ? at : at + 1;
    lines.push(rest.slice(0, end).join('').trimEnd());
    rest = rest.slice(end);
    while (rest[0] === ' ') rest.shift();
  }
  return [...lines, rest.join('')];
}

function lineWidth(columns: readonly Cells[]): number {
  return columns.reduce((sum, column) => sum + columnWidth(column), 2 * (columns.length - 1));
}

function columnWidth({ title, cells }: Cells): number {
  return Math.max(...[title, ...cells.flatMap(cell => cell.split('\n').map(visibleLine))].map(widthOf));
}

function aligned(columns: readonly Cells[]): string {
  const pads = columns.map(column => {
    const width = columnWidth(column);
    return (cell: string) => {
      const space = ' '.repeat(width - widthOf(cell));
      return column.kind === 'text' ? cell + space : space + cell;
    };
  });
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, c) => pads[c]!(cell))
      .join('  ')
      .trimEnd();
  const rows = (columns[0]?.cells ?? []).flatMap((_, row) => {
    const parts = columns.map(({ cells }) => cells[row]!.split('\n').map(visibleLine));
    const lines = Math.max(...parts.map(({ length }) => length));
    return Array.from({ length: lines }, (_, i) => line(parts.map(part => part[i] ?? '')));
  });
  const rule = columns.map(column => '─'.repeat(columnWidth(column)));
  return [line(columns.map(({ title }) => title)), line(rule), ...rows].join('\n');
}

function widthOf(text: string): number {
  return [...text].length;
}
