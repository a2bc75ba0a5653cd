/** Decides whether two configs are the same experiment: to resume a run, and to find the runs of a config. */
import { sha256 } from '../io/hash.js';
import { describeKeys } from './keys.js';
import { type Config, configSchema, type StageConfig } from './schema.js';
import { sharedKeys } from './stages.js';

/**
 * Keys that do not change the numbers of a run: its name, its folders and its speed. `threads`, `device` and `devices`
 * change only rounding; run.json records them, and a resumed run warns if they differ.
 */
const keysOutsideIdentity: ReadonlySet<string> = new Set([
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
 * sha256 (hex) of the keys that decide the numbers and differ from their defaults. So a new key does not change the
 * hash of an experiment that was recorded before the key existed.
 */
export function configHash(config: Config): string {
  const values = entriesOf(config).filter(({ value, standard }) => value !== standard);
  return sha256(JSON.stringify(values.map(({ key, value }) => [key, value])));
}

/** The config of a record, with defaults for the keys that did not exist when it was recorded. */
export function configOf({ config, name }: { config: object; name: string }): Config {
  const known = completed.get(config);
  if (known?.name === name) return known;
  const parsed = parseRecorded(config);
  const whole = { ...((parsed.success ? parsed.data : config) as Config), name };
  completed.set(config, whole).set(whole, whole);
  return whole;
}

/** Results of `configOf`: the record itself is not changed. */
const completed = new WeakMap<object, Config>();
const parsedConfigs = new WeakMap<object, ReturnType<typeof configSchema.safeParse>>();

/** Parses the config of a record by the schema, once for each config: tables ask often. */
export function parseRecorded(config: unknown): ReturnType<typeof configSchema.safeParse> {
  if (typeof config !== 'object' || config === null) return configSchema.safeParse(config);
  const parsed = parsedConfigs.get(config) ?? configSchema.safeParse(config);
  parsedConfigs.set(config, parsed);
  return parsed;
}

/** `key: old → new` for each key that decides the numbers and differs; empty exactly when the hashes are equal. */
export function configDifference(old: Config, now: Config, without: ReadonlySet<string> = new Set()): string[] {
  const [before, after] = [identityValues(old), identityValues(now)];
  return differingKeys([before, after])
    .filter(key => !without.has(key))
    .map(key => `${key}: ${before.get(key) ?? '(none)'} → ${after.get(key) ?? '(none)'}`);
}

/**
 * Dotted key → JSON of its value, for the keys that decide the numbers. Keys that a recorded config lacks have
 * defaults.
 */
export function identityValues(config: Config): Map<string, string> {
  return new Map(entriesOf(config).map(({ key, value }) => [key, value]));
}

/** Keys in which several results of `identityValues` are not all equal, in the order of `gala config keys`. */
export function differingKeys(all: readonly ReadonlyMap<string, string>[]): string[] {
  const [first = new Map<string, string>(), ...others] = all;
  const differing = new Set<string>();
  for (const values of others) {
    for (const [key, value] of values) if (first.get(key) !== value) differing.add(key);
    for (const key of first.keys()) if (!values.has(key)) differing.add(key);
  }
  return inOrder([...differing]);
}

/** Dotted keys, each once, in the order of `gala config keys`, those of a first stage last. */
export function inOrder(keys: readonly string[]): string[] {
  return [...new Set(keys)].sort((a, b) => placeOf(a) - placeOf(b));
}

function placeOf(key: string): number {
  const own = key.replace(/^stages\.representation\./, '');
  return (places.get(own) ?? places.size) + (own === key ? 0 : places.size);
}

/** A JSON value as a user types it after --set; `(none)` for a key that the config does not have. */
export function typedValue(json: string | undefined): string {
  return json === undefined ? '(none)' : json.replace(/^"(.*)"$/, '$1');
}

interface Entry {
  readonly key: string;
  /** JSON of the value. */
  readonly value: string;
  /** JSON of the default. */
  readonly standard: string | undefined;
}

/** A table asks several times for each config; no config is changed in memory. */
const knownEntries = new WeakMap<Config, readonly Entry[]>();

function entriesOf(config: Config): readonly Entry[] {
  const known = knownEntries.get(config);
  if (known) return known;
  const first = config.stages && stageEntries(config.stages.representation);
  const own = first?.filter(({ key }) => !sharedKeys.includes(key)) ?? [];
  const ofFirst = own.map(entry => ({ ...entry, key: `stages.representation.${entry.key}` }));
  const entries = [...stageEntries(config), ...ofFirst];
  knownEntries.set(config, entries);
  return entries;
}

function stageEntries(config: StageConfig): Entry[] {
  return identityKeys.flatMap(({ key, path, choice, choicePath, standard, standardText }) => {
    if (choice !== undefined && valueAt(config, choicePath) !== choice) return [];
    const value = valueAt(config, path) ?? standard;
    return value === undefined ? [] : [{ key, value: JSON.stringify(value), standard: standardText }];
  });
}

/** The keys that decide the numbers; for a key of an alternative (`loss`), `choicePath` leads to its name. */
const identityKeys = describeKeys()
  .filter(({ key }) => !keysOutsideIdentity.has(key) && !key.startsWith('stages.'))
  .map(({ key, choice, default: standard }) => {
    const path = key.split('.');
    const choicePath = [...path.slice(0, -1), 'name'];
    return { key, path, choice, choicePath, standard, standardText: JSON.stringify(standard) as string | undefined };
  });

const places = new Map(identityKeys.map(({ key }, index) => [key, index]));

function valueAt(config: StageConfig, path: readonly string[]): unknown {
  let value: unknown = config;
  for (const step of path) value = (value as Record<string, unknown> | undefined)?.[step];
  return value;
}
