/** The name of an experiment, in configs, run.json, records and sweeps. It becomes a path below the folders of gala. */

/** Each part begins with a letter, digit or underscore, so no part is `..` or hidden. */
export const namePattern = /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_.-]*(\/[\p{L}\p{N}_][\p{L}\p{M}\p{N}_.-]*)*$/u;

export const nameRule = 'letters, digits, "_", "-" and "." in parts separated by "/"';

export function isExperimentName(text: string): boolean {
  return namePattern.test(text);
}

/** A part of a path as a part of a name; each character that a name cannot have becomes `_`. */
export function asNamePart(part: string): string {
  // Some file systems store an accent as a character of its own (NFD).
  const allowed = part.normalize('NFC').replace(/[^\p{L}\p{M}\p{N}_.-]/gu, '_');
  return allowed.replace(/^[.\-\p{M}]+/u, '') || '_';
}
