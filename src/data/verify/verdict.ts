/** What may be said of an image file: sound, sound but odd, or a fault. Kept as one byte a file. */

export const verdicts = [
  'unchecked',
  'sound',
  'CMYK',
  '16-bit',
  'animated',
  'missing',
  'not an image',
  'truncated',
  'damaged',
  'too large',
  'unreadable',
] as const;

export type Verdict = (typeof verdicts)[number];

/**
 * Decodes, but not to what its pixels look like elsewhere: inks go through a formula, 16 bits lose 8, one frame stands
 * for all.
 */
export const oddities: readonly Verdict[] = ['CMYK', '16-bit', 'animated'];
/** Cannot be trained on. */
export const faults: readonly Verdict[] = [
  'missing',
  'not an image',
  'truncated',
  'damaged',
  'too large',
  'unreadable',
];

export function codeOf(verdict: Verdict): number {
  return verdicts.indexOf(verdict);
}

const firstFault = codeOf('missing');

export function isFault(code: number): boolean {
  return code >= firstFault;
}
