/**
 * Makes control characters visible in text from outside, such as names of files, classes and hosts, or the output of
 * programs. A terminal would obey them, and some reverse the order of letters. The escapes are those of JSON, so JSON
 * text keeps its meaning.
 */

/** Control characters except line feed and tab, characters that change the direction of writing, line separators. */
const unseen = /[\p{Bidi_Control}\u2028\u2029]|(?![\n\t])\p{Cc}/gu;

/** Most text. Matching it is five times faster than searching for unseen characters. */
const ascii = /^[ -~\n\t]*$/;

/** Escapes control characters as `\u001b`; line feeds and tabs stay. */
export function visibleText(text: string): string {
  if (ascii.test(text)) return text;
  return text.replaceAll(unseen, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** As `visibleText`, on one line: line feeds and tabs become `\n` and `\t`. */
export function visibleLine(text: string): string {
  return visibleText(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}

/** Indents all lines but the first, so that a line feed in a name cannot begin a line that looks like gala's own. */
export function indentedLines(text: string): string {
  return text.replaceAll(/\n(?! )/g, '\n  ');
}
