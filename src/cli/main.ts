/** The entry of the command line: prints errors and sets the exit code. */
import { CommanderError } from 'commander';
import { StorageError } from '../errors.js';
import { wordWithHome } from '../io/homePath.js';
import { requireMemory } from '../machine/memory.js';
import { outlivesTerminal } from '../run/hangup.js';
import { guardOutput, outliveOutput } from './display/output.js';
import { describeError, exitCodeOf } from './failure.js';
import { hintForOption } from './options.js';
import { createProgram } from './program.js';

const lingerMilliseconds = 2000;

guardOutput();
const program = createProgram();
const output = outliveOutput();
const words = process.argv.slice(2).map(wordWithHome);
if (outlivesTerminal) process.on('SIGHUP', () => undefined);
process.on('uncaughtException', fail);
program.hook('preAction', (_, command) => {
  // A failed write is known only after the action that wrote.
  process.once('beforeExit', () => {
    const loss = output.loss(command);
    if (loss) fail(loss);
  });
});
try {
  requireMemory('Node', { addresses: 250e6, inUse: 0 });
  requireWorkingFolder();
  await program.parseAsync(words, { from: 'user' });
} catch (error) {
  if (error instanceof CommanderError && error.code === 'commander.unknownOption')
    process.stderr.write(await hintForOption(error.message, words));
  fail(error);
}

/** Throws `StorageError` where the working folder is gone, for which Node's own error only says `uv_cwd`. */
function requireWorkingFolder(): void {
  try {
    process.cwd();
  } catch (cause) {
    throw new StorageError('The working folder does not exist any more: it was removed or replaced.', {
      where: process.env.PWD ?? 'the working folder',
      next: 'Go to a folder that exists (cd ~, or cd "$PWD" where it was made anew), then run the command again.',
      cause,
    });
  }
}

/** Prints the error and lets the event loop end; after a while the process ends, even where workers still run. */
function fail(error: unknown): void {
  process.stderr.write(describeError(error, program.opts<{ debug?: boolean }>().debug ?? false, words));
  const exitCode = exitCodeOf(error);
  process.exitCode = exitCode;
  setTimeout(() => process.exit(exitCode), lingerMilliseconds).unref();
}
