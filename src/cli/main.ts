/** The command line's frame: the commands, how errors look, and the process's exit code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { GalaError } from '../errors.js';
import { registerEngineCommand } from './engine.js';
import { CommandExit } from './exit.js';

// Each file registers its flags here and imports what does the work in its action, so that `gala --help` stays quick.
const registerCommands = [registerEngineCommand];

const usageExitCode = 2;
const lingerMilliseconds = 2000;

const program = createProgram();
for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreClosedPipe);
process.on('uncaughtException', error => finish(exitCodeOf(error)));

try {
  await program.parseAsync();
} catch (error) {
  finish(exitCodeOf(error));
}

function createProgram(): Command {
  const gala = new Command('gala')
    .description('Long-tailed recognition experiments: a config in, training with GALA, a top-1 table out.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .option('--debug', 'print stack traces with errors')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(gala --help shows the commands, gala <command> --help the options)')
    .exitOverride();
  for (const register of registerCommands) register(gala);
  return gala;
}

function packageVersion(): string {
  // dist/src/cli/main.js → the package's root.
  const root = join(import.meta.dirname, '..', '..', '..');
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}

/** Prints the error and returns the exit code that it stands for. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommandExit) return error.exitCode;
  // Commander has printed its message, help or version already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode;
  const debug = program.opts<{ debug?: boolean }>().debug ?? false;
  process.stderr.write(describe(error, debug));
  return error instanceof GalaError ? error.exitCode : 1;
}

function describe(error: unknown, debug: boolean): string {
  const lines: string[] = [];
  if (error instanceof GalaError) {
    lines.push(`error: ${error.message}`);
    if (error.where !== undefined) lines.push(`where: ${error.where}`);
    if (error.next !== undefined) lines.push(`next:  ${error.next}`);
  } else {
    const message = error instanceof Error ? error.message : String(error);
    lines.push(
      `error: unexpected: ${message.split('\n', 1)[0]}${debug ? '' : ' (run it again with --debug for details)'}`,
    );
  }
  if (debug && error instanceof Error) lines.push(stackOf(error));
  return `${lines.join('\n')}\n`;
}

function stackOf(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\ncaused by: ${stackOf(error.cause)}` : stack;
}

/** Lets the loop end by itself; what still holds it (workers, a step under way) after a while is cut off. */
function finish(exitCode: number): void {
  process.exitCode = exitCode;
  setTimeout(() => process.exit(exitCode), lingerMilliseconds).unref();
}

/** `gala … | head` closes the pipe early: what would be printed is dropped, the work itself goes on. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
