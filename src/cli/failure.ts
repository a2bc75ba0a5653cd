/** How a failed command looks to its reader, and which exit code it ends with. */
import { CommanderError } from 'commander';
import { GalaError } from '../errors.js';
import { CommandExit } from './exit.js';

const usageExitCode = 2;
const unexpectedExitCode = 1;

/** The exit code that an error thrown by a command stands for: that of its type, 2 for usage, 1 for the unexpected. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommandExit || error instanceof GalaError) return error.exitCode;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode;
  return unexpectedExitCode;
}

/**
 * The lines to print on stderr, each ended: what happened, where, what to do next; with `debug` the stack as well. Empty
 * for errors whose text is printed already (Commander's) or that have none.
 */
export function describeError(error: unknown, debug: boolean): string {
  if (error instanceof CommandExit || error instanceof CommanderError) return '';
  const lines = error instanceof GalaError ? threeLines(error) : [unexpectedLine(error, debug)];
  if (debug && error instanceof Error) lines.push(stackOf(error));
  return `${lines.join('\n')}\n`;
}

function threeLines(error: GalaError): string[] {
  const lines = [`error: ${error.message}`];
  if (error.where !== undefined) lines.push(`where: ${error.where}`);
  if (error.next !== undefined) lines.push(`next:  ${error.next}`);
  return lines;
}

function unexpectedLine(error: unknown, debug: boolean): string {
  const message = error instanceof Error ? error.message : String(error);
  return `error: unexpected: ${message.split('\n', 1)[0]}${debug ? '' : ' (run it again with --debug for details)'}`;
}

function stackOf(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\ncaused by: ${stackOf(error.cause)}` : stack;
}
