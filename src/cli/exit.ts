/**
 * Thrown by a command that has said all it has to say and ends with an exit code of its own (1, 5, 128 + a signal's
 * number).
 */
export class CommandExit extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit ${exitCode}`);
    this.exitCode = exitCode;
  }
}
