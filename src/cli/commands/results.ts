/** `gala results add|tables`: writes records of finished runs, and the files that are generated from records. */
import { readdirSync } from 'node:fs';
import { relative, sep } from 'node:path';
import type { Command } from 'commander';
import { displayPath } from '../../io/homePath.js';
import { addRunsOption } from '../options.js';

export function registerResultsCommand(program: Command): void {
  const results = program.command('results').description('keep records of finished runs and the tables made of them');

  addRunsOption(results.command('add'))
    .description('write the record and the predictions of finished runs, then the tables')
    .argument('<run...>', 'run folders, names of configs (the latest run of each), or latest')
    .option('--results <dir>', 'folder of all records', 'results')
    .action(async (given: string[], flags: { results: string; runs: string }) => {
      const { addResult } = await import('../../results/fromRun.js');
      const { runFolderOf } = await import('../../run/namedRun.js');
      for (const run of given) {
        const path = addResult(flags.results, runFolderOf(run, flags.runs));
        process.stdout.write(`${displayPath(path)}\n`);
        await writeTables(flags.results, new Set([relative(flags.results, path).split(sep, 1)[0]!]));
      }
    });

  results
    .command('tables')
    .description('make the CSV files and the tables of README.md anew from the records')
    .option('--results <dir>', 'folder of all records', 'results')
    .action(async (flags: { results: string }) => {
      const { expectedTables } = await import('../../results/expected.js');
      await writeTables(flags.results, new Set([...expectedTables(), ...foldersIn(flags.results)]));
    });
}

async function writeTables(results: string, tables: ReadonlySet<string>): Promise<void> {
  const { writeGeneratedFiles } = await import('../../results/tables.js');
  for (const table of tables) {
    for (const path of writeGeneratedFiles(results, table)) {
      process.stderr.write(`Written: ${displayPath(path)}\n`);
    }
  }
}

function foldersIn(results: string): string[] {
  try {
    return readdirSync(results, { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(entry => entry.name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
