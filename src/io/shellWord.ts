/** A path in a command that a message tells the reader to give. */

/** The text as a POSIX shell takes it for one word: in quotes where it has blanks or signs. */
export function shellWord(text: string): string {
  return /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
