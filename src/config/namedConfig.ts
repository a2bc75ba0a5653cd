/** The difference between a config and the config of the same name in the package, such as `train.epochs=3`. */
import { join } from 'node:path';
import { GalaError } from '../errors.js';
import { differingKeys, identityValues, typedValue } from './identity.js';
import { loadConfig } from './load.js';
import { configsFolder } from './locate.js';
import type { Config } from './schema.js';
import { withoutFolders } from './withoutFolders.js';

/** Keys in which the runs of one experiment may differ: random seeds, and engine and precision. */
export const keysOfARun: ReadonlySet<string> = new Set(['seed', 'data.subset_seed', 'precision', 'engine']);

/**
 * Dotted keys that decide the numbers and differ from the package's config of this name, without `keysOfARun`; none if
 * the package has no such config. A file in the working folder is ignored, so that a run has the same name wherever it
 * is read.
 */
export function keysBesideName(config: Config): string[] {
  return (differencesFromName(config) ?? []).filter(key => !keysOfARun.has(key));
}

/** As `keysBesideName`, with `keysOfARun`; undefined if the package has no config of this name. */
export function differencesFromName(config: Config): string[] | undefined {
  if (!valuesByName.has(config.name)) valuesByName.set(config.name, namedValues(config.name));
  const named = valuesByName.get(config.name);
  return named && differingKeys([named, identityValues(withoutFolders(config))]);
}

const valuesByName = new Map<string, ReadonlyMap<string, string> | undefined>();

/**
 * The name of a config, with its changes from the package's config of that name:
 * `cifar100_lt/gala_if100 (train.epochs=3)`.
 */
export function describeConfig(config: Config): string {
  return withSettings(config.name, settingsBesideName(config));
}

/** The keys of `keysBesideName`, with values as a user types them after --set. */
export function settingsBesideName(config: Config): [key: string, value: string][] {
  const values = identityValues(withoutFolders(config));
  return keysBesideName(config).map(key => [key, typedValue(values.get(key))]);
}

/** A name with what `settingsText` makes of its settings. */
export function withSettings(name: string, settings: Iterable<readonly [key: string, value: string]>): string {
  const text = settingsText(settings);
  return text === '' ? name : `${name} (${text})`;
}

/** Keys and values as they are typed after --set. */
export function settingsText(settings: Iterable<readonly [key: string, value: string]>): string {
  return Array.from(settings, ([key, value]) => `${key}=${value}`).join(' ');
}

function namedValues(name: string): ReadonlyMap<string, string> | undefined {
  try {
    return identityValues(withoutFolders(loadConfig(join(configsFolder, name)).config));
  } catch (error) {
    if (error instanceof GalaError) return undefined;
    throw error;
  }
}
