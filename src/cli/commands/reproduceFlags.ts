/** The flags of `gala reproduce`. The work is in reproduce.ts, which is loaded later because it loads much more. */
import type { Command } from 'commander';
import { addLauncherOptions } from '../launch.js';
import { addRunsOption, parseList, parseSeeds } from '../options.js';
import type { ReproduceFlags } from './reproduce.js';

export function registerReproduceCommand(program: Command): void {
  const reproduce = addRunsOption(program.command('reproduce'))
    .description('run what is missing of a table and compare it with what is claimed')
    .argument('<table>', 'a table of configs/expected.yaml, such as cifar100_lt or fashion_mnist_lt')
    .option('--rows <list>', 'only these rows, such as if100,if50', parseList)
    .option('--seeds <list>', 'seeds to run (default: 0); compared are these, or all recorded', parseSeeds)
    .option('--results <dir>', 'folder of all records', 'results')
    .option('--data <dir>', 'folder of the dataset (has priority over GALA_DATA)')
    .option('--expected <file>', 'another file of expected values')
    .option('--dry-run', 'print what would be run');
  addLauncherOptions(reproduce)
    .option('--check-only', 'train nothing: count the recorded predictions again and compare')
    .option('--quiet', 'print the tables only, and warnings')
    .action(async (name: string, flags: ReproduceFlags) => {
      const { reproduceTable } = await import('./reproduce.js');
      await reproduceTable(name, flags);
    });
}
