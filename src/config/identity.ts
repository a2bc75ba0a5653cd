/** When two configs are the same experiment: on resume, and to find runs of equal configs. */
import { sha256 } from '../io/hash.js';
import { describeKeys } from './keys.js';
import { type Config, configSchema, type StageConfig } from './schema.js';
import { sharedKeys } from './stages.js';

/**
 * Keys that name, place or pace a run without changing what it computes. `threads`, `device` and `devices` change only the order of
 * rounding; what was used is recorded in run.json and another one is warned about on resume.
 */
const keysWithoutWeight: ReadonlySet<string> = new Set([
  'name',
  'device',
  'devices',
  'threads',
  'data.root',
  'data.workers',
  'data.verify',
  'train.checkpoint_every',
  'train.steps_per_call',
]);

/**
 * sha256 (hex) of the keys that decide the numbers and are not at their defaults: equal experiments have equal hashes, also
 * where one was recorded before a key existed.
 */
export function configHash(config: Config): string {
  const values = entriesOf(config).filter(({ value, standard }) => value !== standard);
  return sha256(JSON.stringify(values.map(({ key, value }) => [key, value])));
}

/** The config of a record with the defaults of the keys that came after it: what an older version of gala ran is the same experiment. */
export function configOf({ config, name }: { config: object; name: string }): Config {
  const parsed = configSchema.safeParse(config);
  return { ...((parsed.success ? parsed.data : config) as Config), name };
}

/** `key: old → new` for each key that decides the numbers and differs; empty exactly when the hashes are equal. */
export function configDifference(old: Config, now: Config): string[] {
  const [before, after] = [weightyValues(old), weightyValues(now)];
  return differingKeys([before, after]).map(
    key => `${key}: ${before.get(key) ?? '(none)'} → ${after.get(key) ?? '(none)'}`,
  );
}

/** Dotted key → JSON of its value, for the keys that decide the numbers; a key that a recorded config lacks has its default. */
export function weightyValues(config: Config): Map<string, string> {
  return new Map(entriesOf(config).map(({ key, value }) => [key, value]));
}

/** Keys in which the values of several configs, as `weightyValues` gives them, are not all the same. */
export function differingKeys(all: readonly ReadonlyMap<string, string>[]): string[] {
  const keys = new Set(all.flatMap(values => [...values.keys()]));
  return [...keys].filter(key => all.some(values => values.get(key) !== all[0]!.get(key)));
}

/** A JSON value as it is typed after --set; `(none)` for a key that a config has not. */
export function typedValue(json: string | undefined): string {
  return json === undefined ? '(none)' : json.replace(/^"(.*)"$/, '$1');
}

interface Entry {
  readonly key: string;
  /** JSON, as is `standard`, the default. */
  readonly value: string;
  readonly standard: string | undefined;
}

function entriesOf(config: Config): Entry[] {
  const first = config.stages && stageEntries(config.stages.representation);
  const own = first?.filter(({ key }) => !sharedKeys.includes(key)) ?? [];
  return [...stageEntries(config), ...own.map(entry => ({ ...entry, key: `stages.representation.${entry.key}` }))];
}

function stageEntries(config: StageConfig): Entry[] {
  return describeKeys().flatMap(({ key, choice, default: standard }) => {
    const path = key.split('.');
    if (keysWithoutWeight.has(key) || path[0] === 'stages') return [];
    if (choice !== undefined && valueAt(config, [...path.slice(0, -1), 'name']) !== choice) return [];
    const value = valueAt(config, path) ?? standard;
    return value === undefined ? [] : [{ key, value: JSON.stringify(value), standard: JSON.stringify(standard) }];
  });
}

function valueAt(config: StageConfig, path: readonly string[]): unknown {
  return path.reduce<unknown>((map, step) => (map as Record<string, unknown> | undefined)?.[step], config);
}
