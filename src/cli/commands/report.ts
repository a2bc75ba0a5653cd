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
      const leaveOut = (directory: string, why: string) =>
        process.stderr.write(`Not in the report: ${directory}: ${why}\n`);
      // Of a folder the finished runs; without any, the first one tells what is missing.
      const named = (text: string) => {
        const folders = inFolder(text);
        if (folders.length < 2) return folders[0] ?? runFolderOf(text, runs);
        const states = folders.map(folder => readRun(folder, ({ message }) => leaveOut(folder, message))?.state);
        if (!states.includes('finished')) return folders;
        return folders.filter((folder, i) => {
          if (states[i] !== 'finished' && states[i] !== undefined) leaveOut(folder, 'it is not finished');
          return states[i] === 'finished';
        });
      };
      const directories = runsOf(given, runs, named).filter(
        (directory, _, { length }) =>
          length === 1 || readRun(directory, ({ message }) => leaveOut(directory, message)) !== undefined,
      );
      const { readReportRuns } = await import('../../report/reportRun.js');
      const { reportHtml } = await import('../../report/html.js');
      const { writeFileAtomic } = await import('../../io/atomicFile.js');
      const sweep = given.length === 1 ? sweepFolderOf(given[0]!, runs) : undefined;
      const only = sweep ?? (directories.length === 1 ? directories[0]! : '.');
      const file = output ?? join(only, 'report.html');
      writeFileAtomic(file, reportHtml(readReportRuns(directories)));
      process.stderr.write(`Written: ${displayPath(file)}\n`);
    });
}
