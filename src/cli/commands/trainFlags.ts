/** The flags of `gala train`. The work is in train.ts, which is loaded later because it loads much more. */
import { type Command, Option } from 'commander';
import {
  addRunsOption,
  configArgument,
  dataOption,
  deviceOption,
  engineOption,
  parseSeed,
  withWords,
} from '../options.js';
import type { TrainFlags } from './train.js';

export function registerTrainCommand(program: Command): void {
  addRunsOption(program.command('train'), true)
    .description('train one experiment and write its run folder')
    .addArgument(configArgument())
    .option('--config <config>', 'a YAML file, or a name of `gala config list`')
    .option('--set <key=value...>', 'override keys, such as --set loss.lambda1=1 train.epochs=30')
    .option('--seed <number>', 'seed of weights, order and augmentation', parseSeed)
    .addOption(engineOption())
    .addOption(deviceOption())
    .addOption(dataOption())
    .option('--resume [run]', 'go on with a run, or with the latest unfinished run (of the config, if given)')
    .addOption(
      new Option(
        '--continue',
        'go on with the run of this very config, or start it; a finished one is shown',
      ).conflicts('resume'),
    )
    .option('--quiet', 'print the result table only, and warnings')
    .option('--json', 'print one JSON object a line: start, epochs, result')
    .action(async (words: string[], options: TrainFlags) => {
      const { trainOne } = await import('./train.js');
      await trainOne(withWords(words, options));
    });
}
