/**
 * What gala prints. All text is written through one place, where control characters become visible: no file name can
 * give orders to a terminal. Output that nobody can read ends no work: only a command that exists for its output fails.
 */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Command } from 'commander';
import type { StorageError } from '../../errors.js';
import { diskFault } from '../../io/faults.js';
import { visibleText } from '../../io/visibleText.js';
import type { TableFormat } from '../../tables/column.js';

type Write = NodeJS.WriteStream['write'];

const unguardedWrites = new Map<NodeJS.WriteStream, Write>();

/** From now on, text written to stdout and stderr shows control characters instead of sending them. */
export function guardOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    unguardedWrites.set(stream, write as Write);
    const guarded = (chunk: unknown, ...rest: unknown[]) =>
      write(typeof chunk === 'string' ? visibleText(chunk) : chunk, ...rest);
    stream.write = guarded as Write;
  }
}

/** The stream for code that moves the cursor, which must itself make visible what it writes. */
export function unguarded(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  const write = unguardedWrites.get(stream);
  return write === undefined ? stream : (Object.create(stream, { write: { value: write } }) as NodeJS.WriteStream);
}

/** Data on stdout: byte for byte into a file or a pipe, guarded on a terminal. */
export function printData(text: string): void {
  (process.stdout.isTTY ? process.stdout : unguarded(process.stdout)).write(text);
}

/** A table that `formatTable` made. */
export function printTable(table: string, format: TableFormat): void {
  if (format === 'terminal') process.stdout.write(`${table}\n`);
  else printData(`${table}\n`);
}

/** JSON on stdout, its keys in snake_case as in the files of a run; values stay as they are. */
export function printJson(value: unknown, indent?: number): void {
  const text = JSON.stringify(value, (_, part: unknown) => (isPlainObject(part) ? inSnakeCase(part) : part), indent);
  process.stdout.write(`${text}\n`);
}

function isPlainObject(part: unknown): part is Record<string, unknown> {
  return typeof part === 'object' && part !== null && !Array.isArray(part);
}

function inSnakeCase(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [
      key.replace(/(?<=[a-z0-9])[A-Z]/g, letter => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}

/** Terminals without escape sequences (Emacs, some CI runners) have one of these in TERM. */
const plainTerminals = ['', 'dumb', 'unknown'];

/** Whether lines on a stream can be drawn over. */
export function canRedraw(stream: { readonly isTTY?: boolean }, term = process.env.TERM ?? ''): boolean {
  return stream.isTTY === true && !plainTerminals.includes(term);
}

/** Characters in a line of the tables on stdout: the terminal's width, at least 80; 80 in a file or a pipe. */
export function tableWidth(): number {
  return Math.max(80, process.stdout.columns ?? 80);
}

/** The reader has gone: a pipe was closed (`gala … | head`), or a terminal. */
const readerIsGone = ['EPIPE', 'EIO'];
/** Commands that keep nothing of what they print. */
const printing = [
  'eval',
  'predict',
  'table',
  'config',
  'bench',
  'doctor',
  'data verify',
  'data lists',
  'engine list',
  'runs list',
  'sweep status',
];

export interface Output {
  /** The error of a command whose only result, its output, could not be written; undefined for other commands. */
  loss(command: Command): StorageError | undefined;
}

/** From now on a failed write to stdout or stderr ends nothing. */
export function outliveOutput(): Output {
  let lost: NodeJS.ErrnoException | undefined;
  process.on('exit', releaseClosedTerminals);
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!readerIsGone.includes(error.code ?? '')) lost ??= error;
  });
  return {
    loss: command => {
      if (lost === undefined || !onlyPrints(command)) return undefined;
      return diskFault('The output could not be written', 'standard output', lost);
    },
  };
}

/** Whether a command leaves nothing but its output; every command with --dry-run or --check-only does. */
function onlyPrints(command: Command): boolean {
  const [name, group] = [command.name(), command.parent?.name() ?? ''];
  const { dryRun, checkOnly } = command.opts();
  return Boolean(dryRun ?? checkOnly) || [name, group, `${group} ${name}`].some(path => printing.includes(path));
}

/** Node restores the settings of its terminals when it ends, and aborts (exit 134) where one of them is closed. */
function releaseClosedTerminals(): void {
  for (const file of [0, 1, 2]) {
    if (isatty(file) || !fstatSync(file).isCharacterDevice()) continue;
    closeSync(file);
    openSync('/dev/null', 'r+'); // takes the lowest number, the one just closed
  }
}
