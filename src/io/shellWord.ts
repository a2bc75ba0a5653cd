/** A path or name in a command: one that a message tells the reader to give, or one that is run. */

const plain = /^[\w./@%+:,-][\w./@%+=:,-]*$/;
const unseen = /[\p{Bidi_Control}\p{Cc}\u2028\u2029]/u;

/**
 * The text as a POSIX shell takes it for one word: in quotes where it has blanks or signs, by way of printf where it
 * has controls, which no reader could copy. NUL cannot be in a word and is left out.
 */
export function shellWord(text: string): string {
  const word = text.replaceAll('\0', '');
  if (plain.test(word)) return word;
  // A command's output loses the line feeds at its end.
  if (!unseen.test(word) || word.endsWith('\n')) return `'${word.replaceAll("'", "'\\''")}'`;
  return `"$(printf -- '${[...word].map(printfSign).join('')}')"`;
}

function printfSign(sign: string): string {
  if (sign === '%') return '%%';
  if (sign !== "'" && sign !== '\\' && !unseen.test(sign)) return sign;
  return [...Buffer.from(sign)].map(byte => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
