/**
 * How a config differs from the config of the same name that comes with gala: `train.epochs=3` makes it another
 * experiment.
 */
import { GalaError } from '../errors.js';
import { differingKeys, typedValue, weightyValues } from './identity.js';
import { loadConfig } from './load.js';
import type { Config } from './schema.js';
import { withoutFolders } from './withoutFolders.js';

/** Keys in which runs of one experiment may differ: what was drawn, and what computed it. */
export const keysOfARun: ReadonlySet<string> = new Set(['seed', 'data.subset_seed', 'precision', 'engine']);

const valuesByName = new Map<string, ReadonlyMap<string, string> | undefined>();

/** Dotted keys that decide the numbers and differ from the named config; none where gala has no config of the name. */
export function keysBesideName(config: Config): string[] {
  if (!valuesByName.has(config.name)) valuesByName.set(config.name, namedValues(config.name));
  const named = valuesByName.get(config.name);
  if (named === undefined) return [];
  return differingKeys([named, weightyValues(withoutFolders(config))]).filter(key => !keysOfARun.has(key));
}

/**
 * `cifar100_lt/gala_if100`, or with what differs from the config of that name:
 * `cifar100_lt/gala_if100 (train.epochs=3)`.
 */
export function describeConfig(config: Config): string {
  const values = weightyValues(withoutFolders(config));
  return withSettings(
    config.name,
    keysBesideName(config).map(key => [key, typedValue(values.get(key))]),
  );
}

/** A name with keys and their values as they are typed after --set. */
export function withSettings(name: string, settings: Iterable<readonly [key: string, value: string]>): string {
  const told = Array.from(settings, ([key, value]) => `${key}=${value}`).join(' ');
  return told === '' ? name : `${name} (${told})`;
}

function namedValues(name: string): ReadonlyMap<string, string> | undefined {
  try {
    return weightyValues(withoutFolders(loadConfig(name).config));
  } catch (error) {
    if (error instanceof GalaError) return undefined;
    throw error;
  }
}
