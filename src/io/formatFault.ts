/**
 * Something in a file that does not follow its format; the reader of the file turns it into a typed error with the
 * path. `path` is given where the file could be that of a reader who does not look for this error.
 */
export class FormatFault extends Error {
  constructor(
    message: string,
    readonly path?: string,
  ) {
    super(message);
  }
}
