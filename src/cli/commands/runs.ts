/** `gala runs list|clean`: lists the runs, and removes the checkpoints of finished ones. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { StorageError } from '../../errors.js';
import { displayPath } from '../../io/homePath.js';
import { shellWord } from '../../io/shellWord.js';
import { printJson, tableWidth } from '../display/output.js';
import { addRunsOption } from '../options.js';

const runsArgument = 'run folders, folders of runs, names of configs or sweeps, or latest (default: all runs)';

export function registerRunsCommand(program: Command): void {
  const group = program.command('runs').description('list the runs, and free the disk of finished ones');

  addRunsOption(group.command('list'))
    .description('the runs, the latest first: what differs from their config, how far they are, top-1, folder')
    .argument('[runs...]', runsArgument)
    .option('--json', 'print JSON')
    .action(async (given: string[], { runs, json }: { runs: string; json?: boolean }) => {
      const { findRunFolders, readRun, runFoldersBelow } = await import('../../run/runStore.js');
      const { listColumns, listRuns } = await import('../../run/runList.js');
      const { runsOf } = await import('../../sweep/resolve.js');
      const { formatTable } = await import('../../tables/format.js');
      const unusable: { directory: string; error: Error }[] = [];
      const read = (directory: string) => readRun(directory, error => unusable.push({ directory, error })) ?? [];
      const all = () => (existsSync(runs) ? runFoldersBelow(runs) : []);
      const list = listRuns((given.length > 0 ? findRunFolders(runsOf(given, runs)) : all()).flatMap(read));
      if (json)
        printJson(
          list.map(run => ({ ...run, top1: run.top1 ?? null, folder: resolve(run.folder) })),
          2,
        );
      else if (list.length > 0)
        process.stdout.write(`${formatTable(list, listColumns(Date.now()), 'terminal', { width: tableWidth() })}\n`);
      else process.stderr.write(`There is no run below ${runs} yet.\n`);
      for (const { directory, error } of unusable)
        process.stderr.write(`${displayPath(directory)}: ${error.message}\n`);
    });

  addRunsOption(group.command('clean'), true)
    .description('remove the checkpoints of finished runs; results, logits and tables stay')
    .argument('[runs...]', runsArgument)
    .option('--dry-run', 'print what would be removed')
    .action(async (given: string[], { runs, dryRun = false }: { runs: string; dryRun?: boolean }) => {
      const { cleanRun, sourcesOf } = await import('../../run/clean.js');
      const { findRunFolders, openRunStore, readRun } = await import('../../run/runStore.js');
      const { runsOf } = await import('../../sweep/resolve.js');
      const folders = findRunFolders(given.length > 0 ? runsOf(given, runs) : [runs], path =>
        process.stderr.write(`${path}: it holds no run.\n`),
      );
      const found = folders.flatMap(folder => {
        const run = readRun(folder, ({ message }) => process.stderr.write(`${folder}: left alone. ${message}\n`));
        return run ?? [];
      });
      const sources = sourcesOf(given.length > 0 ? [...found, ...openRunStore(runs).all()] : found);
      const named = new Set(given.map(path => resolve(path)));
      let [total, cleaned] = [0, 0];
      for (const { directory } of found) {
        const [folder, isNamed] = [displayPath(directory), named.has(resolve(directory))];
        const leftAlone = (why: string) => process.stderr.write(`${folder}: left alone. ${why}\n`);
        try {
          const { bytes, kept } = cleanRun(directory, true);
          if (kept !== undefined && given.length > 0) leftAlone(`It is ${kept}.`);
          if (bytes === 0) continue;
          if (sources.has(resolve(directory)) && !isNamed) {
            leftAlone(
              `Another run began with it or learned from it. To clean it too: gala runs clean ${shellWord(folder)}`,
            );
            continue;
          }
          if (!dryRun) cleanRun(directory, false);
          total += bytes;
          cleaned++;
          process.stdout.write(`${folder}: ${megabytes(bytes)}\n`);
        } catch (error) {
          if (!(error instanceof StorageError) || isNamed) throw error;
          leftAlone(error.message);
        }
      }
      const verb = dryRun ? 'Would remove' : 'Removed';
      process.stdout.write(
        `${verb} the checkpoints of ${cleaned} finished run${cleaned === 1 ? '' : 's'}: ${megabytes(total)}.\n`,
      );
    });
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
