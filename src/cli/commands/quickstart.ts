/** `gala quickstart`: cross-entropy and GALA on the bundled Fashion-MNIST-LT, one after the other, then one table. */
import type { Command } from 'commander';
import type { ResultRow } from '../../eval/resultRow.js';
import { displayPath } from '../../io/homePath.js';
import { shellWord } from '../../io/shellWord.js';
import type { RunFolder } from '../../run/runFolder.js';
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
      const folders: RunFolder[] = [];
      for (const [index, name] of configs.entries()) {
        const loaded = loadConfig(name, { seed });
        const held = beginRunFolder({ output: runs, name, seed });
        const isLast = index === configs.length - 1;
        const job = { held, loaded, resume: false, quiet };
        rows.push(...(await runTraining(isLast ? job : { ...job, followedBy: 'run' })));
        folders.push(held.folder);
      }
      const { accuracyColumns } = await import('../../tables/scoreColumns.js');
      const { formatTable } = await import('../../tables/format.js');
      const { groupKeys } = await import('../../eval/scores.js');
      const shownColumns: readonly string[] = ['run', 'predictions', 'top1', ...groupKeys];
      const columns = accuracyColumns.filter(({ key }) => shownColumns.includes(key));
      process.stdout.write(`\n${formatTable(rows, columns, 'terminal')}\n\n`);
      process.stdout.write(
        'Top-1 % on 2,000 test images, last epoch; many / medium / few: classes with more\n' +
          'than 100, 20 to 100, fewer than 20 training images.\n',
      );
      const { precisionNote } = await import('../display/trainDisplay.js');
      process.stdout.write(`${precisionNote(folders[0]!)}${nextSteps(folders.map(({ directory }) => directory))}`);
    });
}

/** What to do next: a report of these very runs, and own images. */
function nextSteps(folders: readonly string[]): string {
  const gala = process.env.npm_lifecycle_event === undefined ? 'gala' : 'npx gala'; // set by npm run and by npx
  const words = folders.map(folder => shellWord(displayPath(folder)));
  return [
    'Next:',
    `  ${gala} report ${words.join(' \\\n    ')}   # compares them: report.html`,
    `  ${gala} init DIR   # a config for your own images, in DIR/CLASS/…`,
    '',
  ].join('\n');
}
