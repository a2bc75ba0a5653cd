/** What gala prints. All text goes through one place, in which no file name can give orders to a terminal. */
import { visibleText } from '../../io/visibleText.js';
import type { TableFormat } from '../../tables/column.js';

type Write = NodeJS.WriteStream['write'];

const unguardedWrites = new Map<NodeJS.WriteStream, Write>();

/** From now on, whatever is written to stdout and stderr shows control signs instead of sending them. */
export function guardOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    unguardedWrites.set(stream, write as Write);
    const guarded = (chunk: unknown, ...rest: unknown[]) =>
      write(typeof chunk === 'string' ? visibleText(chunk) : chunk, ...rest);
    stream.write = guarded as Write;
  }
}

/** The stream for whoever moves the cursor: what is written to it must be made visible before. */
export function unguarded(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  const write = unguardedWrites.get(stream);
  return write === undefined ? stream : (Object.create(stream, { write: { value: write } }) as NodeJS.WriteStream);
}

/** Data on stdout: byte for byte into a file or a pipe, on a terminal as all text. */
export function printData(text: string): void {
  (process.stdout.isTTY ? process.stdout : unguarded(process.stdout)).write(text);
}

/** A table that `formatTable` made. */
export function printTable(table: string, format: TableFormat): void {
  if (format === 'terminal') process.stdout.write(`${table}\n`);
  else printData(`${table}\n`);
}
