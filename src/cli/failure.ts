/** The text of an error on stderr, and the exit code of a failed command. */
import { CommanderError } from 'commander';
import { type Correction, GalaError } from '../errors.js';
import { diskFault, FormatFault } from '../io/faults.js';
import { shellWord } from '../io/shellWord.js';
import { indentedLines } from '../io/visibleText.js';
import { memoryError } from '../machine/memory.js';

/**
 * Thrown by a command that has printed everything and ends with an exit code of its own: 1, 4, 5, or 128 + the number
 * of a signal.
 */
export class CommandExit extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit ${exitCode}`);
    this.exitCode = exitCode;
  }
}

const usageExitCode = 2;
const unexpectedExitCode = 1;

const faultRemedy = 'This is a fault in gala: please report it with the command line and what --debug prints.';

/** The exit code for an error that a command threw: of its type, 4 for a file, 2 for usage, 1 for anything else. */
export function exitCodeOf(thrown: unknown): number {
  const error = asTyped(thrown);
  if (error instanceof CommandExit || error instanceof GalaError) return error.exitCode;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode;
  return unexpectedExitCode;
}

/**
 * The lines for stderr: what happened, where, what to do next, which may be the corrected command of the `words` behind
 * `gala`; with `debug` also the stack. Empty for errors whose text commander has printed, and for `CommandExit`.
 */
export function describeError(thrown: unknown, debug: boolean, words: readonly string[] = []): string {
  const error = asTyped(thrown);
  if (error instanceof CommandExit || error instanceof CommanderError) return '';
  const lines = error instanceof GalaError ? threeLines(error, words) : [unexpectedLine(error, debug)];
  if (debug && error instanceof Error) lines.push(stackOf(error));
  return `${lines.join('\n')}\n`;
}

function threeLines(error: GalaError, words: readonly string[]): string[] {
  const lines = [`error: ${error.message}`];
  if (error.where !== undefined) lines.push(`where: ${error.where}`);
  // Only errors that no input can cause have no remedy of their own.
  const command = error.corrections && correctedCommand(words, error.corrections);
  lines.push(`next:  ${command ?? error.next ?? faultRemedy}`);
  return lines.map(indentedLines);
}

/** The command with its corrections; undefined where it lacks a word to replace, or has no place for another one. */
function correctedCommand(words: readonly string[], corrections: readonly Correction[]): string | undefined {
  const corrected = [...words];
  for (const { instead, word } of corrections) {
    const index = instead === undefined ? firstOption(corrected) : corrected.indexOf(instead);
    if (index < 0 || (instead === undefined && !takesAssignments(words))) return undefined;
    corrected.splice(index, instead === undefined ? 0 : 1, word);
  }
  return asCommand(corrected);
}

/** The words behind `gala` as a command that can be typed. */
export function asCommand(words: readonly string[]): string {
  return `gala ${words.map(shellWord).join(' ')}`;
}

/** Before the options: the last one may take every word behind it. */
function firstOption(words: readonly string[]): number {
  const index = words.findIndex(word => word.startsWith('-'));
  return index === -1 ? words.length : index;
}

/** Whether `key=value` is an argument of the command. */
export function takesAssignments([command = '', verb]: readonly string[]): boolean {
  return ['train', 'sweep'].includes(command) || (command === 'config' && verb === 'show');
}

/** The typed error for a failed file operation that no code expected, and for a lack of memory. */
function asTyped(error: unknown): unknown {
  if (error instanceof FormatFault && error.path !== undefined)
    return diskFault('A file could not be used', error.path, error);
  if (error instanceof Error && !(error instanceof GalaError)) {
    const short = memoryError('gala ended', error);
    if (short) return short;
  }
  if (!(error instanceof Error) || !('syscall' in error) || !('path' in error)) return error;
  if (String(error.syscall).startsWith('spawn')) return error;
  return diskFault('A file could not be used', String(error.path), error);
}

function unexpectedLine(error: unknown, debug: boolean): string {
  const message = error instanceof Error ? error.message : String(error);
  return `error: unexpected: ${message.split('\n', 1)[0]}${debug ? '' : ' (run it again with --debug for details)'}`;
}

function stackOf(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\ncaused by: ${stackOf(error.cause)}` : stack;
}
