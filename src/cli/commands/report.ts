/** `gala report`: run folders → one self-contained HTML page. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { displayPath } from '../../io/homePath.js';
import { addRunsOption, endingOf } from '../options.js';

interface ReportFlags {
  readonly output?: string;
  readonly runs: string;
}

export function registerReportCommand(program: Command): void {
  addRunsOption(program.command('report'))
    .description('one HTML page with the figures of one run, or of several compared')
    .argument(
      '<runs...>',
      'run folders, folders of runs, names of configs (the latest run of each), latest, or names of sweeps',
    )
    .option(
      '--output <file>',
      'where to write it (default: report.html in the folder of the run or sweep; of several, here)',
    )
    .action(async (given: string[], { output, runs }: ReportFlags) => {
      if (output !== undefined) endingOf(output, ['report.html']);
      const { runsOf, sweepFolderOf } = await import('../../sweep/resolve.js');
      const { runFolderOf } = await import('../../run/namedRun.js');
      const { readRun, runFoldersBelow } = await import('../../run/runStore.js');
      const inFolder = (text: string) =>
        existsSync(text) && statSync(text).isDirectory() ? runFoldersBelow(text) : [];
      const named = (text: string) => (inFolder(text).length > 0 ? inFolder(text) : runFolderOf(text, runs));
      const directories = runsOf(given, runs, named).filter((directory, _, { length }) => {
        const leftOut = ({ message }: Error) => process.stderr.write(`Not in the report: ${directory}: ${message}\n`);
        return length === 1 || readRun(directory, leftOut) !== undefined;
      });
      const { readReportRuns } = await import('../../report/reportRun.js');
      const { reportHtml } = await import('../../report/html.js');
      const { writeFileAtomic } = await import('../../io/atomicFile.js');
      const only = given.length === 1 ? (sweepFolderOf(given[0]!, runs) ?? directories[0]!) : '.';
      const file = output ?? join(only, 'report.html');
      writeFileAtomic(file, reportHtml(readReportRuns(directories)));
      process.stderr.write(`Written: ${displayPath(file)}\n`);
    });
}
