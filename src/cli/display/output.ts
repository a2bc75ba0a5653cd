/** Output that nobody can read: the work goes on, and only a command that is there for its output fails with it. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Command } from 'commander';
import type { StorageError } from '../../errors.js';
import { diskFault } from '../../io/diskFault.js';

/** The reader is gone: a pipe was closed (`gala … | head`), or a terminal. */
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
  'sweep status',
];

export interface Output {
  /** The error of a command whose output, its only result, did not reach its file; undefined for any other. */
  loss(command: Command): StorageError | undefined;
}

/** From here on a failed write to stdout or stderr ends nothing. */
export function outliveOutput(): Output {
  let lost: NodeJS.ErrnoException | undefined;
  process.on('exit', letGoOfClosedTerminals);
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

/** Whether nothing is left of a command but what it prints: a plan with --dry-run is one, and the script of a job. */
function onlyPrints(command: Command): boolean {
  const [name, group] = [command.name(), command.parent?.name() ?? ''];
  return Boolean(command.opts().dryRun) || [name, group, `${group} ${name}`].some(path => printing.includes(path));
}

/** Node restores the settings of its terminals when it ends, and aborts (exit 134) where one of them is closed. */
function letGoOfClosedTerminals(): void {
  for (const file of [0, 1, 2]) {
    if (isatty(file) || !fstatSync(file).isCharacterDevice()) continue;
    closeSync(file);
    openSync('/dev/null', 'r+'); // takes the lowest number, which is the one just closed
  }
}
