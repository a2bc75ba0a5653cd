/** `gala data download`: CIFAR from its authors. */
import { Argument, type Command, Option } from 'commander';
import type { CifarForm } from '../../data/sets/definition.js';
import { type DownloadableName, namesWhere } from '../../data/sets/index.js';
import { ConfigError } from '../../errors.js';
import { displayPath, withHome } from '../../io/homePath.js';
import { shellWord } from '../../io/shellWord.js';
import { createDownloadDisplay, createProgress } from '../display/progress.js';

interface DownloadFlags {
  readonly data?: string;
  readonly form: CifarForm;
  readonly address?: string;
  readonly from?: string;
  readonly quiet?: boolean;
}

export function registerDataDownloadCommand(data: Command): void {
  data
    .command('download')
    .description('fetch CIFAR-100 or CIFAR-10 from its authors, check it and unpack it (170 MB)')
    .addArgument(
      new Argument('<dataset>', 'which').choices(
        namesWhere(set => set.form === 'pixels' && set.archives !== undefined),
      ),
    )
    .option('--data <dir>', 'folder for the dataset (has priority over GALA_DATA)')
    .addOption(new Option('--form <form>', 'which of the archives').choices(['python', 'binary']).default('python'))
    .option('--address <url>', 'folder of the archives (default: https://www.cs.toronto.edu/~kriz/)')
    .option('--from <file>', 'an archive on this machine, in place of the download')
    .option('--quiet', 'no progress')
    .action(async (name: DownloadableName, { data: given, form, address, from, quiet = false }: DownloadFlags) => {
      const folder = given ?? (process.env.GALA_DATA ? withHome(process.env.GALA_DATA) : undefined);
      if (folder === undefined) {
        throw new ConfigError('The folder that gets the dataset is not known.', {
          where: 'neither --data nor GALA_DATA is given',
          next: `gala data download ${name} --data DIR; then train with the same --data DIR.`,
        });
      }
      const { downloadCifar } = await import('../../data/cifar/download.js');
      const progress = createProgress({ quiet });
      const { folder: target, fresh } = await downloadCifar(name, {
        folder,
        form,
        from,
        ...(address && { address }),
        download: createDownloadDisplay(progress),
        onNote: progress.note,
      }).finally(progress.stop);
      const place = displayPath(target);
      process.stdout.write(
        `${fresh ? `${name} is` : `${name} was already`} in ${place}. Train on it with --data ${shellWord(folder)}\n`,
      );
    });
}
