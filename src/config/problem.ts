/** Problems of a config. They are collected, so that one run of a command reports all of them. */

import type { Correction } from '../errors.js';
import { ConfigError } from '../errors.js';
import { isFromCommand, type Origin } from './located.js';

export interface Problem {
  readonly where: Origin;
  /** A sentence without the position. */
  readonly message: string;
  /** The rest of the config cannot be read because of this problem, such as a syntax error or a missing parent. */
  readonly fatal?: boolean;
  /** The key or section that it is about. */
  readonly key?: string;
  /** The assignment of the command line that cures it. */
  readonly cure?: Correction | undefined;
  /** What to do, where neither `cure` nor the description of the key says it. */
  readonly next?: string;
}

/**
 * One `ConfigError` for all problems. A single problem is the message; several are listed, one per line with its place.
 */
export function configError(problems: readonly Problem[], corrections?: readonly Correction[]): ConfigError {
  const next = corrections ? inWords(corrections) : remedyFor(problems);
  const [first] = problems;
  if (first !== undefined && problems.length === 1)
    return new ConfigError(first.message, { where: first.where, next, corrections });
  const ordered = [...problems].sort(byPosition);
  const lines = ordered.map(problem => `  ${problem.where}: ${problem.message}`);
  const message = [`The config has ${problems.length} problems:`, ...lines].join('\n');
  const places = ordered.map(({ where }) =>
    isFromCommand(where) ? 'the command line' : where.replace(/(:\d+)+$/, ''),
  );
  return new ConfigError(message, { where: [...new Set(places)].join(', '), next, corrections });
}

function inWords(corrections: readonly Correction[]): string {
  const words = corrections.map(({ instead, word }) => (instead ? `${word} in place of ${instead}` : word));
  return `Set ${words.join(' and ')}.`;
}

function remedyFor(problems: readonly Problem[]): string {
  const [key, ...others] = [...new Set(problems.map(problem => problem.key))];
  const own = problems.find(problem => problem.next !== undefined)?.next;
  if (own !== undefined) return own;
  const broken = problems.find(problem => problem.fatal)?.where;
  if (broken !== undefined) return `Correct ${broken.replace(/^(.+):(\d+):\d+$/, 'line $2 of $1')}.`;
  return key !== undefined && others.length === 0
    ? `\`gala config keys ${key}\` prints what it may be.`
    : '`gala config keys` prints every key with its range and default.';
}

/** Files by name and line, then the command line. */
function byPosition(a: Problem, b: Problem): number {
  const fromFlags = Number(isFromCommand(a.where)) - Number(isFromCommand(b.where));
  return fromFlags || a.where.localeCompare(b.where, 'en', { numeric: true });
}
