/** Problems of a config. They are collected, so that one run of a command reports all of them. */
import { ConfigError } from '../errors.js';
import type { Origin } from './located.js';

export interface Problem {
  readonly where: Origin;
  /** A sentence without the position. */
  readonly message: string;
  /** The rest of the config cannot be read because of this problem, such as a syntax error or a missing parent. */
  readonly fatal?: boolean;
}

/**
 * One `ConfigError` for all problems. A single problem is the message; several are listed, one per line with its place.
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

/** Files by name and line, then the command line. */
function byPosition(a: Problem, b: Problem): number {
  const fromFlags = Number(a.where.startsWith('--')) - Number(b.where.startsWith('--'));
  return fromFlags || a.where.localeCompare(b.where, 'en', { numeric: true });
}
