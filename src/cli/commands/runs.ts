/** `gala runs clean`: disk back from finished runs. */
import { relative } from 'node:path';
import type { Command } from 'commander';
import { addRunsOption } from '../runsOption.js';

export function registerRunsCommand(program: Command): void {
  const group = program.command('runs').description('list the runs, and get disk back from them');

  addRunsOption(group.command('clean'), true)
    .description('remove the checkpoints of finished runs; results, logits and tables stay')
    .argument('[runs...]', 'run folders, folders of runs, names of configs or sweeps, or latest (default: all runs)')
    .option('--dry-run', 'print what would be removed')
    .action(async (given: string[], { runs, dryRun = false }: { runs: string; dryRun?: boolean }) => {
      const { cleanRun } = await import('../../run/clean.js');
      const { findRunFolders } = await import('../../run/runStore.js');
      const { runsOf } = await import('../../sweep/resolve.js');
      const folders = findRunFolders(given.length > 0 ? runsOf(given, runs) : [runs], path =>
        process.stderr.write(`${path}: it holds no run.\n`),
      );
      let [total, cleaned] = [0, 0];
      for (const folder of folders) {
        const { bytes, kept } = cleanRun(folder, dryRun);
        if (kept !== undefined && given.length > 0) {
          process.stderr.write(`${relative(process.cwd(), folder) || folder}: left alone, it is ${kept}.\n`);
        }
        if (bytes === 0) continue;
        total += bytes;
        cleaned++;
        process.stdout.write(`${relative(process.cwd(), folder)}: ${megabytes(bytes)}\n`);
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
