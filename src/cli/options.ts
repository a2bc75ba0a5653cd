/**
 * Arguments and options that several commands share. Where a value is wrong, commander prints the text of an
 * `InvalidArgumentError` as a usage error (exit code 2).
 */
import { statSync } from 'node:fs';
import { extname, join, parse } from 'node:path';
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../errors.js';
import { shellWord } from '../io/shellWord.js';
import { asCommand, takesAssignments } from './failure.js';

/** Adds `--runs DIR`; with `hasAlias` also the option's former name, `--output`, which help does not show. */
export function addRunsOption(command: Command, hasAlias = false): Command {
  command.option('--runs <dir>', 'folder of runs', 'runs');
  if (!hasAlias) return command;
  return command
    .addOption(new Option('--output <dir>').hideHelp())
    .on('option:output', (folder: string) => command.setOptionValue('runs', folder));
}

export const formatOption = () =>
  new Option('--format <format>', 'of the printed table')
    .choices(['terminal', 'md', 'csv', 'json'])
    .default('terminal');

export const wideOption = () => new Option('--wide', 'all columns and metrics, however long the lines');

export const runOption = () =>
  new Option('--run <run>', 'a run folder, the name of a config (its latest finished run), or latest');

/** The run as a word, which may take the place of `--run`. */
export const runArgument = () => new Argument('[run]', 'the run, in place of --run');

/** The run given as a word or by `--run`. Throws `ConfigError` for none and for both. */
export function wantedRun(word: string | undefined, { run }: { readonly run?: string }): string {
  if (run === undefined && word !== undefined) return word;
  if (run !== undefined && word === undefined) return run;
  throw new ConfigError(run === undefined ? 'No run is given.' : 'Two runs are given; this command takes one.', {
    where: run === undefined ? 'the command line' : `${word}, --run ${run}`,
    next: 'Give a run folder, the name of a config (its latest finished run), or latest: see `gala runs list`.',
  });
}

export const checkpointOption = () =>
  new Option('--checkpoint <which>', 'best, last or a checkpoint file (default: best where there is one)');

export const dataOption = () =>
  new Option('--data <dir>', 'folder of the dataset (has priority over GALA_DATA and data.root)');

export const splitOption = () => new Option('--split <split>', 'only this one').choices(['train', 'val', 'test']);

export const workersOption = () =>
  new Option('--workers <number>', 'threads (default: as many as there are cores to use)').argParser(parseCount);

export interface EngineFlags {
  readonly engine?: string;
  readonly device?: string;
}

export const engineOption = () =>
  new Option('--engine <engine>', 'auto, tensorflow, xla or eager; short for --set engine=…');

export const deviceOption = () =>
  new Option('--device <device>', 'auto, cpu, cuda or cuda:N; short for --set device=…');

/** The overrides that `--engine` and `--device` stand for. */
export function engineOverrides({ engine, device }: EngineFlags): string[] {
  return [...(engine ? [`engine=${engine}`] : []), ...(device ? [`device=${device}`] : [])];
}

/**
 * Throws `ConfigError` for an option on the command line that has no effect beside the others: `form` says beside what,
 * such as `with --logits`. `unused` are the names of such options in the flags.
 */
export function refuseUnused(command: Command, unused: readonly string[], form: string): void {
  const option = command.options.find(
    option => unused.includes(option.attributeName()) && command.getOptionValueSource(option.attributeName()) === 'cli',
  );
  if (option === undefined) return;
  throw new ConfigError(`${option.long} has no effect ${form}.`, {
    where: option.long!,
    next: `Leave ${option.long} out.`,
  });
}

interface ConfigFlags {
  readonly config?: string;
  readonly set?: string[];
  readonly seeds?: number[];
}

/** The words of `gala train CONFIG key=value …`, which may take the place of `--config` and `--set`. */
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
    const more = configs.filter(word => /^\d+$/.test(word));
    if (flags.seeds !== undefined && more.length > 0) {
      throw new ConfigError('The seeds must be one word.', {
        where: `--seeds ${[...flags.seeds, ...more].join(' ')}`,
        next: `Write --seeds ${[...flags.seeds, ...more].join(',')}.`,
      });
    }
    throw new ConfigError(`A command takes one config, and ${configs.length} are given: ${configs.join(', ')}.`, {
      where: configs.join(', '),
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

/**
 * The line to print below commander's message about an unknown option: for a key of the config, and for Hydra's
 * `--multirun`, the corrected command of the `words` behind `gala`; empty for other options.
 */
export async function hintForOption(message: string, words: readonly string[]): Promise<string> {
  const option = /unknown option '(--?[\w-]+)/.exec(message)?.[1];
  if (option === undefined || !takesAssignments(words)) return '';
  if (/^(-m|--multirun)$/.test(option)) {
    const [, ...rest] = words.filter(word => word !== option);
    return `next:  A list of values makes a sweep: ${asCommand(['sweep', ...rest])}\n`;
  }
  const { describeKeys } = await import('../config/keys.js');
  const { keyOfOtherTool } = await import('../config/otherTools.js');
  const name = option.replace(/^-+/, '').replaceAll('-', '_');
  const key = keyOfOtherTool(name) ?? describeKeys().find(known => known.key.split('.').at(-1) === name)?.key;
  if (key === undefined) return '';
  const index = words.findIndex(word => word === option || word.startsWith(`${option}=`));
  const [given = '', following = '-'] = words.slice(index);
  const isApart = given === option && !following.startsWith('-');
  const value = isApart ? following : given.slice(option.length + 1) || 'VALUE';
  return `next:  ${asCommand(words.toSpliced(index, isApart ? 2 : 1, `${key}=${value}`))}\n`;
}

/**
 * The ending of the file `--output`, which says what is written: one of those of `names`, such as `report.html`. Throws
 * `ConfigError` for another ending and for a folder.
 */
export function endingOf(output: string, names: readonly string[]): string {
  const { dir, name, ext } = parse(output);
  const isFolder = statSync(output, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const endings = names.map(extname);
  if (!isFolder && endings.includes(ext.toLowerCase())) return ext.toLowerCase();
  const meant = isFolder ? names.map(own => join(output, own)) : endings.map(ending => join(dir, `${name}${ending}`));
  const fault = isFolder ? 'this is a folder' : 'this one does not';
  throw new ConfigError(`--output is a file whose name ends in ${endings.join(' or ')}, and ${fault}.`, {
    where: output,
    next: `Name it ${meant.map(shellWord).join(' or ')}.`,
  });
}

/** A whole number ≥ 0, for `--seed`. */
export function parseSeed(text: string): number {
  const seed = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seed))
    throw new InvalidArgumentError('It must be a whole number, at least 0.');
  return seed;
}

/** A whole number ≥ 1. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('It must be a whole number, at least 1.');
  return count;
}

/** Words such as `if100,if50`. */
export function parseList(text: string): string[] {
  return wordsOf(text, 'words separated by commas, such as if100,if50');
}

function wordsOf(text: string, expected: string): string[] {
  const words = text.split(',').map(word => word.trim());
  if (words.every(word => word !== '')) return words;
  throw new InvalidArgumentError(`It must be ${expected}.`);
}

/** Seeds such as `0,1,2`. */
export function parseSeeds(text: string): number[] {
  const range = /^(\d{1,3})(?:\.\.|-)(\d{1,3})$/.exec(text);
  if (range === null) return wordsOf(text, 'whole numbers separated by commas, such as 0,1,2').map(parseSeed);
  const [first, last] = range.slice(1).map(Number) as [number, number];
  const all = Array.from({ length: Math.max(1, last - first + 1) }, (_, i) => first + i);
  throw new InvalidArgumentError(`Seeds are written one by one: --seeds ${all.slice(0, 100).join(',')}`);
}
