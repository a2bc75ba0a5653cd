/**
 * Problems are collected and reported together, so that one run of the command shows all that is wrong with a config.
 */
import { ConfigError } from '../errors.js';
import type { Origin } from './located.js';

export interface Problem {
  readonly where: Origin;
  /** A sentence without the position. */
  readonly message: string;
  /** The rest of the config cannot be read in spite of this one (a syntax error, a missing parent). */
  readonly fatal?: boolean;
}

/**
 * One `ConfigError` for all problems: a single one is the message itself, several are listed one per line with their
 * positions.
 */
export function configError(config: string, problems: readonly Problem[]): ConfigError {
  const next = problems.some(problem => problem.fatal)
    ? 'Correct it and run the same command again.'
    : '`gala config keys` prints every key with its range and default.';
  const [first] = problems;
  if (first !== undefined && problems.length === 1) return new ConfigError(first.message, { where: first.where, next });
  const lines = [...problems].sort(byPosition).map(problem => `  ${problem.where}: ${problem.message}`);
  return new ConfigError([`The config has ${problems.length} problems:`, ...lines].join('\n'), { where: config, next });
}

/** Files in the order of their lines, then the command line. */
function byPosition(a: Problem, b: Problem): number {
  const fromFlags = Number(a.where.startsWith('--')) - Number(b.where.startsWith('--'));
  return fromFlags || a.where.localeCompare(b.where, 'en', { numeric: true });
}
