/**
 * `gala config show|list|keys|schema`: what a config resolves to, which configs there are, which keys they may have.
 */
import { type Command, InvalidArgumentError } from 'commander';
import type { ConfigOverrides } from '../../config/load.js';
import { printData } from '../display/visibleOutput.js';

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
      const { renderConfig } = await import('../../config/render.js');
      const options = { ...flags, set: [...(flags.set ?? []), ...words] };
      const { config, yaml, heading, origins, warnings } = loadConfig(nameOrPath, options);
      printData(options.origin ? renderConfig(config, heading, origins) : yaml);
      for (const warning of warnings) process.stderr.write(`Warning: ${warning}\n`);
    });

  config
    .command('list')
    .description('print the configs that come with gala, by dataset')
    .action(async () => {
      const { listConfigs } = await import('../../config/locate.js');
      const { configListing } = await import('../display/configListing.js');
      process.stdout.write(configListing(listConfigs()));
    });

  config
    .command('keys')
    .description('print the keys of a config with their range, default and meaning')
    .argument('[word]', 'only the keys of a section (optim), or with this word in name or meaning')
    .action(async (word?: string) => {
      const { keyListing } = await import('../../config/keyTable.js');
      printData(`${keyListing(word, process.stdout.columns)}\n`);
    });

  config
    .command('schema')
    .description('print the JSON Schema of config files, for editors')
    .action(async () => {
      const { configFileSchemaText } = await import('../../config/jsonSchema.js');
      process.stdout.write(configFileSchemaText());
    });
}

/** The number of `--seed`; commander reports anything that is not a whole number ≥ 0 as a usage error. */
export function parseSeed(text: string): number {
  const seed = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seed))
    throw new InvalidArgumentError('It must be a whole number, at least 0.');
  return seed;
}
