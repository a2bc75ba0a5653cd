/**
 * The name of an experiment: from a config, from run.json, from records and sweeps. It becomes a path below the folders
 * of gala.
 */

/**
 * Parts separated by slashes, each of which begins with a letter, digit or underscore: none leads out of a folder, none
 * is hidden.
 */
export const namePattern = /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_.-]*(\/[\p{L}\p{N}_][\p{L}\p{M}\p{N}_.-]*)*$/u;

export const nameRule = 'letters, digits, "_", "-" and "." in parts separated by "/"';

export function isExperimentName(text: string): boolean {
  return namePattern.test(text);
}

/** A part of a path as a part of a name: `_` for each sign that a name cannot have. */
export function asNamePart(part: string): string {
  // Some file systems keep an accent as a sign of its own (NFD).
  const allowed = part.normalize('NFC').replace(/[^\p{L}\p{M}\p{N}_.-]/gu, '_');
  return allowed.replace(/^[.\-\p{M}]+/u, '') || '_';
}
