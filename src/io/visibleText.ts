/**
 * Text from outside (names of files, classes, hosts; what programs say) as a person may see it: what a terminal would
 * obey, and what turns the order of letters round, becomes visible. The form is that of JSON, so that JSON stays what
 * it is.
 */

/**
 * Controls but line feed and tab, signs that change the direction of writing, separators of lines that are no line
 * feed.
 */
const unseen = /[\p{Bidi_Control}\u2028\u2029]|(?![\n\t])\p{Cc}/gu;

/** Every control sign as `\u001b`; line feeds and tabs stay. */
export function visibleText(text: string): string {
  return text.replaceAll(unseen, sign => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same on one line: line feeds and tabs as `\n` and `\t`. */
export function visibleLine(text: string): string {
  return visibleText(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}

/**
 * The lines of a message after its first one indented: a line feed in a name must not begin a line that looks like one
 * of gala's.
 */
export function indentedLines(text: string): string {
  return text.replaceAll(/\n(?! )/g, '\n  ');
}
