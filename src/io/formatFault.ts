/** Something in a file that does not follow its format; the reader of the file turns it into a typed error with the path. */
export class FormatFault extends Error {}
