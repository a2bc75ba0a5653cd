/** `gala table`: run folders → one accuracy table, a line per experiment. */
import type { Command } from 'commander';
import type { TableFormat } from '../../tables/column.js';
import { printTable, tableWidth } from '../display/output.js';
import { addRunsOption, formatOption, wideOption } from '../options.js';

interface TableFlags {
  readonly format: TableFormat;
  readonly runs: string;
  readonly wide?: boolean;
}

export function registerTableCommand(program: Command): void {
  addRunsOption(program.command('table'))
    .description('accuracy table of finished runs: a line per config, mean ± standard deviation over seeds')
    .argument('<runs...>', 'run folders, folders of runs, names of configs or sweeps, or latest')
    .addOption(formatOption())
    .addOption(wideOption())
    .action(async (given: string[], { format, runs, wide }: TableFlags) => {
      const { runsOf } = await import('../../sweep/resolve.js');
      const { formatGroups, readRuns } = await import('../../results/tableOfRuns.js');
      const { groups, left } = readRuns(runsOf(given, runs));
      printTable(formatGroups(groups, format, { wide, width: tableWidth() }), format);
      for (const sentence of left) process.stderr.write(`Not in the table: ${sentence}\n`);
    });
}
