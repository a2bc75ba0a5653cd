/** Quotes a path or name for a command that a message shows or that gala runs. */

const plain = /^[\w./@%+:,-][\w./@%+=:,-]*$/;
const unseen = /[\p{Bidi_Control}\p{Cc}\u2028\u2029]/u;

/**
 * The text as one word of a POSIX shell: in quotes where it has spaces or special characters, and as a call of printf
 * where it has control characters, which a reader cannot copy. NUL cannot be in a word and is removed.
 */
export function shellWord(text: string): string {
  const word = text.replaceAll('\0', '');
  if (plain.test(word)) return word;
  // The shell removes line feeds at the end of a command's output.
  if (!unseen.test(word) || word.endsWith('\n')) return `'${word.replaceAll("'", "'\\''")}'`;
  return `"$(printf -- '${[...word].map(printfSign).join('')}')"`;
}

function printfSign(sign: string): string {
  if (sign === '%') return '%%';
  if (sign !== "'" && sign !== '\\' && !unseen.test(sign)) return sign;
  return [...Buffer.from(sign)].map(byte => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
