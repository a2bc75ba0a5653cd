/** Terminals that know no escape sequences (Emacs, some CI runners) say so in TERM, or say nothing there. */
const plain = ['', 'dumb', 'unknown'];

/** Whether lines on a stream can be drawn over. */
export function canRedraw(stream: { readonly isTTY?: boolean }, term = process.env.TERM ?? ''): boolean {
  return stream.isTTY === true && !plain.includes(term);
}

/**
 * Characters in a line of the tables on stdout: as many as the terminal has, and 80 in a narrower one, a file or a
 * pipe.
 */
export function tableWidth(): number {
  return Math.max(80, process.stdout.columns ?? 80);
}
