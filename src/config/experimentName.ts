/** The name of an experiment: from a config, from run.json, from records and sweeps. It becomes a path below the folders of gala. */
import { z } from 'zod';

/** Parts separated by slashes, each of which begins with a letter, digit or underscore: none leads out of a folder, none is hidden. */
const pattern = /^\w[\w.-]*(\/\w[\w.-]*)*$/;

export const nameRule = 'letters, digits, "_", "-" and "." in parts separated by "/"';

export const experimentName = z.string().regex(pattern, nameRule);

export function isExperimentName(text: string): boolean {
  return pattern.test(text);
}
