/**
 * Typed errors: what happened, where, and what to do next. `src/cli/main.ts` prints them without a stack trace and ends
 * the process with their `exitCode`.
 */

export interface ErrorDetails {
  /** The place: `file:line:col`, a path, a class or a step. */
  where?: string;
  /** The remedy: what the reader should do next. */
  next?: string;
  /** Changes of the command line that cure the error; a command shows them as a whole command in place of `next`. */
  corrections?: readonly Correction[] | undefined;
  cause?: unknown;
}

/** A word of the command line, which takes the place of the word `instead`, or is added. */
export interface Correction {
  readonly instead?: string;
  readonly word: string;
}

/** Base of every error that gala raises on purpose. */
export class GalaError extends Error {
  readonly exitCode: number = 1;
  readonly where: string | undefined;
  readonly next: string | undefined;
  readonly corrections: readonly Correction[] | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.where = details.where;
    this.next = details.next;
    this.corrections = details.corrections;
  }
}

/** The error with another sentence after its remedy, for a caller that knows more than the code that threw it. */
export function withRemedy<E extends GalaError>(error: E, sentence: string): E {
  const Type = error.constructor as new (message: string, details: ErrorDetails) => E;
  const next = error.next === undefined ? sentence : `${error.next} ${sentence}`;
  const { message, where, cause, stack } = error;
  return Object.assign(new Type(message, { next, cause, ...(where !== undefined && { where }) }), { stack });
}

/** Wrong use of the command line or a wrong config: exit code 2. */
export class ConfigError extends GalaError {
  override readonly exitCode = 2;
}

/** Training produced NaN or infinity: exit code 3. */
export class DivergedError extends GalaError {
  override readonly exitCode = 3;
}

/** A dataset is missing or damaged, or does not fit the config: exit code 4. */
export class DataError extends GalaError {
  override readonly exitCode = 4;
}

/** A file of gala, such as a checkpoint, could not be written or read: exit code 4. */
export class StorageError extends GalaError {
  override readonly exitCode = 4;
}

/** The compute engine is missing or unusable, or does not know what it was asked to do: exit code 5. */
export class EngineError extends GalaError {
  override readonly exitCode = 5;
}
