/**
 * Typed errors: what happened, where (file:line:col, path, class, step), what to do next.
 * `src/cli/main.ts` prints them without a stack trace and turns `exitCode` into the process's exit code.
 */

export interface ErrorDetails {
  /** Place of the fault: `file:line:col`, a path, a class or a step. */
  where?: string;
  /** The remedy: what the reader should do next. */
  next?: string;
  cause?: unknown;
}

/** Base of every error that gala raises on purpose. */
export class GalaError extends Error {
  readonly exitCode: number = 1;
  readonly where: string | undefined;
  readonly next: string | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.where = details.where;
    this.next = details.next;
  }
}

/** The same error with another sentence after its remedy, for whoever knows more than the place where it was thrown. */
export function withRemedy<E extends GalaError>(error: E, sentence: string): E {
  const Type = error.constructor as new (message: string, details: ErrorDetails) => E;
  const next = error.next === undefined ? sentence : `${error.next} ${sentence}`;
  const { message, where, cause, stack } = error;
  return Object.assign(new Type(message, { next, cause, ...(where !== undefined && { where }) }), { stack });
}

/** Command-line usage or configuration: exit code 2. */
export class ConfigError extends GalaError {
  override readonly exitCode = 2;
}

/** Training produced NaN or infinity: exit code 3. */
export class DivergedError extends GalaError {
  override readonly exitCode = 3;
}

/** A dataset is missing, damaged or does not fit the config: exit code 4. */
export class DataError extends GalaError {
  override readonly exitCode = 4;
}

/** Disk: a run folder, checkpoint or cache could not be written or read back: exit code 4. */
export class StorageError extends GalaError {
  override readonly exitCode = 4;
}

/** The compute engine is missing, unusable or was asked for something it does not know: exit code 5. */
export class EngineError extends GalaError {
  override readonly exitCode = 5;
}
