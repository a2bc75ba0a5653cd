/** Tables in four formats: aligned text for the terminal, Markdown, CSV and JSON. */
import { toCsv } from '../io/csv.js';
import { visibleLine } from '../io/visibleText.js';
import { type Column, type TableFormat, twoDecimals } from './column.js';

export interface TableLayout {
  /** All columns, also in a terminal and in Markdown. */
  readonly wide?: boolean | undefined;
  /** Characters of a terminal line; without it lines have any length. */
  readonly width?: number | undefined;
  /** The option that shows all columns, for the note below a table; `--wide` when left out. */
  readonly wider?: string | undefined;
}

/**
 * A table of rows in one of the formats, without a final newline. Missing values are "–" in terminal and Markdown,
 * empty in CSV, null in JSON; percent columns hold percent with two decimals in every format. A terminal table that is
 * wider than `width` leaves out its dispensable columns: a line below gives the values that all rows share, and another
 * line names the columns whose rows differ.
 */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  format: TableFormat,
  { wide = false, width, wider = '--wide' }: TableLayout = {},
): string {
  if (format === 'csv' || format === 'json') return formatData(rows, columns, format);
  const chosen = wide ? columns : columns.filter(({ isShown }) => isShown?.(rows) ?? true);
  const shown = chosen.map(column => ({
    ...column,
    cells: rows.map(row => cellOf(row, column) ?? '–'),
  }));
  if (format === 'md') return markdown(shown, rows.length);
  const visible = shown.map(column => withWidth({ ...column, cells: column.cells.map(visibleLine) }));
  return wide || width === undefined ? aligned(visible) : fitted(visible, width, wider);
}

/** A column with its cells. */
interface Cells extends Pick<Column<never>, 'title' | 'kind' | 'dispensable'> {
  readonly cells: readonly string[];
}

/** A column of a terminal table, whose cells may have several lines. */
interface Wide extends Cells {
  /** Characters of the longest line. */
  readonly width: number;
}

function withWidth(column: Cells): Wide {
  const lines = [column.title, ...column.cells.flatMap(cell => cell.split('\n'))];
  return { ...column, width: lines.reduce((width, line) => Math.max(width, widthOf(line)), 0) };
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

/** `aligned` in at most `width` characters, with notes on the columns left out; long names get several lines. */
function fitted(columns: readonly Wide[], width: number, wider: string): string {
  let kept = columns;
  const left: Wide[] = [];
  const byNeed = columns.filter(({ dispensable }) => dispensable !== undefined);
  for (const column of byNeed.sort((a, b) => b.dispensable! - a.dispensable!)) {
    if (lineWidth(kept) <= width) break;
    kept = kept.filter(other => other !== column);
    left.push(column);
  }
  const excess = lineWidth(kept) - width;
  const table = aligned(excess > 0 ? folded(kept, excess) : kept);
  const inOrder = columns.filter(column => left.includes(column));
  const notes = notesOn(inOrder, wider).map(note => wrapped(note, width));
  return notes.length === 0 ? table : `${table}\n\n${notes.join('\n')}`;
}

/** Notes on the columns that were left out. An empty cell is a value, so that no row seems to have another's. */
function notesOn(left: readonly Cells[], wider: string): string[] {
  const isShared = ({ cells }: Cells) => cells.every(cell => cell === cells[0]);
  const shared = left.filter(column => isShared(column) && column.cells[0] !== '–');
  const differing = left.filter(column => !isShared(column));
  const told = shared.map(({ title, cells }) => `${title} ${cells[0]}`).join('; ');
  const subject = left[0]?.cells.length === 1 ? 'Also' : 'The same in all rows';
  const names = differing.map(({ title }) => title).join('; ');
  return [
    ...(shared.length > 0 ? [`${subject}: ${told}.`] : []),
    ...(differing.length > 0 ? [`Not shown: ${names}. ${wider} shows ${differing.length === 1 ? 'it' : 'them'}.`] : []),
  ];
}

/**
 * The widest column of text narrower by `excess`, but no narrower than a word of some length: its cells get several
 * lines.
 */
function folded(columns: readonly Wide[], excess: number): Wide[] {
  const texts = columns.filter(({ kind }) => kind === 'text');
  const widest = texts.sort((a, b) => b.width - a.width)[0];
  return columns.map(column => {
    if (column !== widest) return column;
    const room = Math.max(column.width - excess, 16);
    return withWidth({ ...column, cells: column.cells.map(cell => wrapped(cell, room)) });
  });
}

/**
 * A text in lines of at most `width` characters (at least one), broken at spaces; a longer word is broken behind `/` or
 * `_` where it has one.
 */
export function wrapped(text: string, width: number): string {
  const room = Math.max(1, width);
  const lines: string[] = [];
  let rest = [...text];
  while (rest.length > room) {
    const space = rest.slice(0, room + 1).lastIndexOf(' ');
    const joint = rest.slice(0, room).findLastIndex(letter => /[/_]/.test(letter));
    const end = space > 0 ? space : joint === -1 ? room : joint + 1;
    lines.push(rest.slice(0, end).join('').trimEnd());
    rest = rest.slice(end);
    while (rest[0] === ' ') rest.shift();
  }
  return [...lines, rest.join('')].join('\n');
}

function lineWidth(columns: readonly Wide[]): number {
  return columns.reduce((sum, { width }) => sum + width, 2 * (columns.length - 1));
}

function aligned(columns: readonly Wide[]): string {
  const pads = columns.map(({ kind, width }) => (cell: string) => {
    const space = ' '.repeat(width - widthOf(cell));
    return kind === 'text' ? cell + space : space + cell;
  });
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, c) => pads[c]!(cell))
      .join('  ')
      .trimEnd();
  const rows = (columns[0]?.cells ?? []).flatMap((_, row) => {
    const parts = columns.map(({ cells }) => cells[row]!.split('\n'));
    const lines = Math.max(...parts.map(({ length }) => length));
    return Array.from({ length: lines }, (_, i) => line(parts.map(part => part[i] ?? '')));
  });
  const rule = columns.map(({ width }) => '─'.repeat(width));
  return [line(columns.map(({ title }) => title)), line(rule), ...rows].join('\n');
}

function widthOf(text: string): number {
  return /[\ud800-\udfff]/.test(text) ? [...text].length : text.length;
}
