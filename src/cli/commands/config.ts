/** `gala config show|list|keys|schema`: the resolved config, the configs of the package, the keys of a config. */
import { type Command, Help } from 'commander';
import type { KeyDescription } from '../../config/keys.js';
import type { ConfigOverrides } from '../../config/load.js';
import type { NamedConfig } from '../../config/locate.js';
import { ConfigError } from '../../errors.js';
import { wrapped } from '../../tables/format.js';
import { printData, tableWidth } from '../display/output.js';
import { parseSeed } from '../options.js';

interface ShowOptions extends ConfigOverrides {
  readonly origin?: boolean;
}

/** Adds the command `config` to `program`. Its actions print to stdout and throw `ConfigError`. */
export function registerConfigCommand(program: Command): void {
  const config = program.command('config').description('show what a config resolves to; list configs and their keys');

  config
    .command('show')
    .description('print the resolved config: extends, defaults and overrides written out')
    .argument('<config>', 'path of a YAML file, or a name of `gala config list`')
    .argument('[key=value...]', 'override keys, such as loss.lambda1=1 train.epochs=30')
    .option('--set <key=value...>', 'override keys, such as --set loss.lambda1=1 train.epochs=30')
    .option('--seed <number>', 'override the seed', parseSeed)
    .option('--origin', 'say behind each value where it was written')
    .action(async (nameOrPath: string, words: string[], flags: ShowOptions) => {
      const { loadConfig } = await import('../../config/load.js');
      const { renderEffective } = await import('../../config/render.js');
      const options = { ...flags, set: [...(flags.set ?? []), ...words] };
      const { config, madeOf, origins, warnings } = loadConfig(nameOrPath, options);
      const head = `Resolved by gala: every key that has an effect. Running this file repeats the run. ${madeOf}`;
      printData(renderEffective(config, head, options.origin ? origins : undefined));
      for (const warning of warnings) process.stderr.write(`Warning: ${warning}\n`);
    });

  config
    .command('list')
    .description('print the configs that come with gala, by dataset')
    .action(async () => {
      const { listConfigs } = await import('../../config/locate.js');
      process.stdout.write(configListing(listConfigs(), process.stdout.isTTY ? tableWidth() : undefined));
    });

  config
    .command('keys')
    .description('print the keys of a config with their range, default and meaning')
    .argument('[word]', 'only the keys of a section (optim), or with this word in name or meaning')
    .action(async (word?: string) => {
      const { describeKeys } = await import('../../config/keys.js');
      const { keyOfOtherTool } = await import('../../config/otherTools.js');
      const meant = word === undefined ? undefined : keyOfOtherTool(word);
      printData(keyListing(keysWith(word, describeKeys(), meant), process.stdout.columns));
    });

  config
    .command('schema')
    .description('print the JSON Schema of config files, for editors')
    .action(async () => {
      const { configFileSchemaText } = await import('../../config/jsonSchema.js');
      process.stdout.write(configFileSchemaText());
    });
}

type Listed = Pick<NamedConfig, 'name' | 'summary'>;

const byNumber = new Intl.Collator('en', { numeric: true });

/**
 * The configs in groups by dataset, which is the folder of their names. A group has a heading, the words with which all
 * its summaries begin, and an entry for each config: its name and the rest of its summary, in lines of `width`.
 */
export function configListing(configs: readonly Listed[], width = Infinity): string {
  const datasets = new Set(configs.map(datasetOf));
  return [...datasets]
    .map(dataset =>
      group(
        configs.filter(config => datasetOf(config) === dataset),
        width,
      ),
    )
    .join('\n');
}

function group(configs: readonly Listed[], width: number): string {
  const heading = commonBeginning(configs.map(({ summary }) => summary));
  const nameWidth = Math.max(...configs.map(({ name }) => name.length));
  const shown = (summary: string) =>
    wrapped(summary, width - nameWidth - 4).replaceAll('\n', `\n${' '.repeat(nameWidth + 4)}`);
  const lines = [...configs]
    .sort((a, b) => byNumber.compare(a.name, b.name))
    .map(({ name, summary }) => `  ${name.padEnd(nameWidth)}  ${shown(summary.slice(heading.length))}`);
  return `${[heading.replace(/, $/, ''), ...lines].join('\n')}\n`;
}

/** What all texts begin with, up to the last comma and blank that they share. */
function commonBeginning(texts: readonly string[]): string {
  const [first = '', ...others] = texts;
  let end = 0;
  while (end < first.length && others.every(text => text[end] === first[end])) end++;
  return first.slice(0, first.slice(0, end).lastIndexOf(', ') + 2);
}

function datasetOf({ name }: Listed): string {
  return name.slice(0, name.lastIndexOf('/'));
}

/**
 * The keys of the section `word`; if there is none, the keys with `word` in name or meaning, and the key `meant` by
 * this word of another tool; all without a word. Throws `ConfigError` for none.
 */
function keysWith(
  word: string | undefined,
  all: readonly KeyDescription[],
  meant: string | undefined,
): readonly KeyDescription[] {
  if (word === undefined) return all;
  const isAt = (key: string, place: string) => key === place || key.startsWith(`${place}.`);
  const named = all.filter(({ key }) => isAt(key, word));
  if (named.length > 0) return named;
  const sought = word.toLowerCase();
  const isFound = ({ key, description }: KeyDescription) =>
    (meant !== undefined && isAt(key, meant)) || `${key} ${description}`.toLowerCase().includes(sought);
  const found = all.filter(isFound);
  if (found.length > 0) return found;
  const sections = [...new Set(all.map(({ key }) => key.split('.')[0]))].join(', ');
  throw new ConfigError(`No key has ${JSON.stringify(word)} in its name or meaning.`, {
    where: 'gala config keys',
    next: `\`gala config keys\` prints all keys; the sections are ${sections}.`,
  });
}

/** A block of lines for each key, each line of at most `width` characters. */
function keyListing(keys: readonly KeyDescription[], width = 100): string {
  const wrap = (text: string) => new Help().boxWrap(text, Math.max(40, width) - 4).replace(/^/gm, '    ');
  const blocks = keys.map(({ key, choice, expected, description, required, defaultText }) => {
    const only = choice === undefined ? '' : ` (of ${choice})`;
    const value = defaultText === undefined ? (required ? '; required' : '') : `; default ${defaultText}`;
    return `${key}${only}\n${wrap(`${expected}${value}`)}\n${wrap(description)}\n`;
  });
  return blocks.join('\n');
}
