/**
 * A config and its overrides as words of the command line: `gala train CONFIG key=value …`, beside `--config` and
 * `--set`.
 */
import { Argument } from 'commander';
import { keyOfOtherTool } from '../config/otherTools.js';
import { ConfigError } from '../errors.js';

export interface ConfigFlags {
  readonly config?: string;
  readonly set?: string[];
}

export function configArgument(): Argument {
  return new Argument(
    '[CONFIG key=value...]',
    'the config, a YAML file or a name of `gala config list`, and overrides',
  );
}

/** `flags` with the config and the overrides among `words`, which win over those of `--set`. Throws `ConfigError`. */
export function withWords<Flags extends ConfigFlags>(words: readonly string[], flags: Flags): Flags {
  const assignments = words.filter(word => word.includes('='));
  const configs = [...(flags.config === undefined ? [] : [flags.config]), ...words.filter(word => !word.includes('='))];
  if (configs.length > 1) {
    throw new ConfigError(`A command takes one config, and ${configs.length} are given: ${configs.join(', ')}.`, {
      where: 'the command line',
      next: 'Give one config. Overrides have the form key=value, such as train.epochs=30.',
    });
  }
  const [config] = configs;
  return {
    ...flags,
    ...(config !== undefined && { config }),
    ...(assignments.length > 0 && { set: [...(flags.set ?? []), ...assignments] }),
  };
}

/** A line behind commander's message about an unknown option that is a key of the config; empty for other options. */
export async function hintForOption(message: string): Promise<string> {
  const option = /unknown option '--?([\w-]+)/.exec(message)?.[1]?.replaceAll('-', '_');
  if (option === undefined) return '';
  const { describeKeys } = await import('../config/keys.js');
  const key = keyOfOtherTool(option) ?? describeKeys().find(known => known.key.split('.').at(-1) === option)?.key;
  return key === undefined ? '' : `next:  Give the key as a word: gala train CONFIG ${key}=VALUE\n`;
}
