/** `gala quickstart`: cross-entropy and GALA on the bundled Fashion-MNIST-LT, one after the other, then one table. */
import type { Command } from 'commander';
import type { ResultRow } from '../../eval/resultRow.js';
import { shellWord } from '../../io/shellWord.js';
import { addRunsOption, parseSeed } from '../options.js';

const configs = ['fashion_mnist_lt/cross_entropy', 'fashion_mnist_lt/gala'];

export function registerQuickstartCommand(program: Command): void {
  addRunsOption(program.command('quickstart'), true)
    .description('train cross-entropy and GALA on the bundled Fashion-MNIST-LT and compare them')
    .option('--seed <number>', 'seed of weights, order and augmentation', parseSeed, 0)
    .option('--quiet', 'print the table only')
    .action(async ({ seed, runs, quiet }: { seed: number; runs: string; quiet?: boolean }) => {
      const { loadConfig } = await import('../../config/load.js');
      const { beginRunFolder } = await import('../../run/runFolder.js');
      const { runTraining } = await import('../runTraining.js');
      const rows: ResultRow[] = [];
      const folders: string[] = [];
      for (const [index, name] of configs.entries()) {
        const loaded = loadConfig(name, { seed });
        const held = beginRunFolder({ output: runs, name, seed });
        const isLast = index === configs.length - 1;
        const job = { held, loaded, resume: false, quiet };
        rows.push(...(await runTraining(isLast ? job : { ...job, followedBy: 'run' })));
        folders.push(held.folder.directory);
      }
      const { accuracyColumns } = await import('../../tables/scoreColumns.js');
      const { formatTable } = await import('../../tables/format.js');
      const { groupKeys } = await import('../../eval/scores.js');
      const shownColumns: readonly string[] = ['run', 'predictions', 'top1', ...groupKeys];
      const columns = accuracyColumns.filter(({ key }) => shownColumns.includes(key));
      process.stdout.write(`\n${formatTable(rows, columns, 'terminal')}\n\n`);
      process.stdout.write(
        'Top-1 % on 2,000 test images, last epoch; many / medium / few: classes with more than 100, 20 to ' +
          '100, less than 20 training images.\n',
      );
      process.stdout.write(`Runs:\n${folders.map(folder => `  ${folder}`).join('\n')}\n`);
      process.stdout.write(nextSteps(runs));
    });
}

/** What to do next: the report of the latest runs of both configs in the folder `runs`, and own images. */
function nextSteps(runs: string): string {
  const gala = process.env.npm_lifecycle_event === undefined ? 'gala' : 'npx gala'; // set by npm run and by npx
  const where = runs === 'runs' ? '' : ` --runs ${shellWord(runs)}`;
  return [
    'Next:',
    `  ${gala} report ${configs.join(' ')}${where}   # compares these runs: report.html`,
    `  ${gala} init DIR   # a config for your own images, in DIR/CLASS/…`,
    '',
  ].join('\n');
}
