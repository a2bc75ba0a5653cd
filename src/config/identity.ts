/** When two configs are the same experiment: on resume, and to find runs of equal configs. */
import { sha256 } from '../io/hash.js';
import { describeKeys } from './keys.js';
import { type Config, configSchema } from './schema.js';

/**
 * Keys that name, place or pace a run without changing what it computes. `threads` changes only the order of rounding; the
 * count that was used is recorded in run.json and a different one is warned about on resume.
 */
const keysWithoutWeight: ReadonlySet<string> = new Set([
  'name',
  'threads',
  'data.root',
  'data.workers',
  'train.checkpoint_every',
]);

/** sha256 (hex) of the keys that decide the numbers, as JSON in the order of the schema: equal experiments have equal hashes. */
export function configHash(config: Config): string {
  return sha256(JSON.stringify([...weightyValues(config)]));
}

/** The config of a record with the defaults of the keys that came after it: what an older version of gala ran is the same experiment. */
export function configOf({ config, name }: { config: object; name: string }): Config {
  const parsed = configSchema.safeParse(config);
  return { ...(parsed.success ? parsed.data : (config as Config)), name };
}

/** `key: old → new` for each key that decides the numbers and differs; empty exactly when the hashes are equal. */
export function configDifference(old: Config, now: Config): string[] {
  const [before, after] = [weightyValues(old), weightyValues(now)];
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter(key => before.get(key) !== after.get(key))
    .map(key => `${key}: ${before.get(key) ?? '(none)'} → ${after.get(key) ?? '(none)'}`);
}

/** Dotted key → JSON of its value, for the keys that decide the numbers. */
export function weightyValues(config: Config): Map<string, string> {
  const values = new Map<string, string>();
  for (const { key } of describeKeys()) {
    const value = key
      .split('.')
      .reduce<unknown>((map, step) => (map as Record<string, unknown> | undefined)?.[step], config);
    if (value !== undefined && !keysWithoutWeight.has(key)) values.set(key, JSON.stringify(value));
  }
  return values;
}
