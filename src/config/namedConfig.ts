/**
 * How a config differs from the config of the same name that comes with gala: `train.epochs=3` makes it another
 * experiment.
 */
import { join } from 'node:path';
import { GalaError } from '../errors.js';
import { differingKeys, typedValue, weightyValues } from './identity.js';
import { loadConfig } from './load.js';
import { configsFolder } from './locate.js';
import type { Config } from './schema.js';
import { withoutFolders } from './withoutFolders.js';

/** Keys in which runs of one experiment may differ: what was drawn, and what computed it. */
export const keysOfARun: ReadonlySet<string> = new Set(['seed', 'data.subset_seed', 'precision', 'engine']);

/**
 * Dotted keys that decide the numbers and differ from the config of this name that comes with gala, seeds excepted; none
 * where gala has no such config. A file of the working folder has no say: the name of a run is the same wherever it is
 * read.
 */
export function keysBesideName(config: Config): string[] {
  return (differencesFromName(config) ?? []).filter(key => !keysOfARun.has(key));
}

/** As `keysBesideName`, seeds included; undefined where gala has no config of the name. */
export function differencesFromName(config: Config): string[] | undefined {
  if (!valuesByName.has(config.name)) valuesByName.set(config.name, namedValues(config.name));
  const named = valuesByName.get(config.name);
  return named && differingKeys([named, weightyValues(withoutFolders(config))]);
}

const valuesByName = new Map<string, ReadonlyMap<string, string> | undefined>();

/**
 * `cifar100_lt/gala_if100`, or with what differs from the config of that name:
 * `cifar100_lt/gala_if100 (train.epochs=3)`.
 */
export function describeConfig(config: Config): string {
  return withSettings(config.name, settingsBesideName(config));
}

/** The keys of `keysBesideName` with their values as they are typed after --set. */
export function settingsBesideName(config: Config): [key: string, value: string][] {
  const values = weightyValues(withoutFolders(config));
  return keysBesideName(config).map(key => [key, typedValue(values.get(key))]);
}

/** A name with keys and their values as they are typed after --set. */
export function withSettings(name: string, settings: Iterable<readonly [key: string, value: string]>): string {
  const told = Array.from(settings, ([key, value]) => `${key}=${value}`).join(' ');
  return told === '' ? name : `${name} (${told})`;
}

function namedValues(name: string): ReadonlyMap<string, string> | undefined {
  try {
    return weightyValues(withoutFolders(loadConfig(join(configsFolder, name)).config));
  } catch (error) {
    if (error instanceof GalaError) return undefined;
    throw error;
  }
}
