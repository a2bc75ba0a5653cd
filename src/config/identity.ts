/** When two configs are the same experiment: on resume, and to find runs of equal configs. */
import { sha256 } from '../io/hash.js';
import { describeKeys } from './keys.js';
import { type Config, configSchema, type StageConfig } from './schema.js';
import { sharedKeys } from './stages.js';

/**
 * Keys that name, place or pace a run without changing what it computes. `threads`, `device` and `devices` change only
 * the order of rounding; what was used is recorded in run.json and another one is warned about on resume.
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
 * sha256 (hex) of the keys that decide the numbers and are not at their defaults: equal experiments have equal hashes,
 * also where one was recorded before a key existed.
 */
export function configHash(config: Config): string {
  const values = entriesOf(config).filter(({ value, standard }) => value !== standard);
  return sha256(JSON.stringify(values.map(({ key, value }) => [key, value])));
}

/**
 * The config of a record with the defaults of the keys that came after it: what an older version of gala ran is the
 * same experiment.
 */
export function configOf({ config, name }: { config: object; name: string }): Config {
  const known = complete.get(config);
  if (known?.name === name) return known;
  const parsed = parseRecorded(config);
  const whole = { ...((parsed.success ? parsed.data : config) as Config), name };
  complete.set(config, whole).set(whole, whole);
  return whole;
}

/** Configs of records that were read, complete; no record is changed in memory. */
const complete = new WeakMap<object, Config>();
const parsedConfigs = new WeakMap<object, ReturnType<typeof configSchema.safeParse>>();

/** The config of a record by the schema, parsed once however often a table asks. */
export function parseRecorded(config: unknown): ReturnType<typeof configSchema.safeParse> {
  if (typeof config !== 'object' || config === null) return configSchema.safeParse(config);
  const parsed = parsedConfigs.get(config) ?? configSchema.safeParse(config);
  parsedConfigs.set(config, parsed);
  return parsed;
}

/** `key: old → new` for each key that decides the numbers and differs; empty exactly when the hashes are equal. */
export function configDifference(old: Config, now: Config): string[] {
  const [before, after] = [weightyValues(old), weightyValues(now)];
  return differingKeys([before, after]).map(
    key => `${key}: ${before.get(key) ?? '(none)'} → ${after.get(key) ?? '(none)'}`,
  );
}

/**
 * Dotted key → JSON of its value, for the keys that decide the numbers; a key that a recorded config lacks has its
 * default.
 */
export function weightyValues(config: Config): Map<string, string> {
  return new Map(entriesOf(config).map(({ key, value }) => [key, value]));
}

/** Keys in which the values of several configs, as `weightyValues` gives them, are not all the same; in one order. */
export function differingKeys(all: readonly ReadonlyMap<string, string>[]): string[] {
  const keys = new Set(all.flatMap(values => [...values.keys()]));
  return inOrder([...keys].filter(key => all.some(values => values.get(key) !== all[0]!.get(key))));
}

/** Dotted keys, each once, in the order of `gala config keys`, those of a first stage last. */
export function inOrder(keys: readonly string[]): string[] {
  return [...new Set(keys)].sort((a, b) => placeOf(a) - placeOf(b));
}

function placeOf(key: string): number {
  const own = key.replace(/^stages\.representation\./, '');
  return (places.get(own) ?? places.size) + (own === key ? 0 : places.size);
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
  return weightyKeys.flatMap(({ key, path, choice, choicePath, standard, standardText }) => {
    if (choice !== undefined && valueAt(config, choicePath) !== choice) return [];
    const value = valueAt(config, path) ?? standard;
    return value === undefined ? [] : [{ key, value: JSON.stringify(value), standard: standardText }];
  });
}

/** The keys that decide the numbers; `choicePath` leads to the name of the alternative that a key belongs to. */
const weightyKeys = describeKeys()
  .filter(({ key }) => !keysWithoutWeight.has(key) && !key.startsWith('stages.'))
  .map(({ key, choice, default: standard }) => {
    const path = key.split('.');
    const choicePath = [...path.slice(0, -1), 'name'];
    return { key, path, choice, choicePath, standard, standardText: JSON.stringify(standard) as string | undefined };
  });

const places = new Map(weightyKeys.map(({ key }, index) => [key, index]));

function valueAt(config: StageConfig, path: readonly string[]): unknown {
  let value: unknown = config;
  for (const step of path) value = (value as Record<string, unknown> | undefined)?.[step];
  return value;
}
