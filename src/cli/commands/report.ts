/** `gala report`: run folders → one self-contained HTML page. */
import { join, relative } from 'node:path';
import type { Command } from 'commander';
import { addRunsOption } from '../runsOption.js';

interface ReportFlags {
  readonly output?: string;
  readonly runs: string;
}

export function registerReportCommand(program: Command): void {
  addRunsOption(program.command('report'))
    .description('one HTML page with the figures of one run, or of several compared')
    .argument('<dirs...>', 'run folders, or names of sweeps')
    .option(
      '--output <file>',
      'where to write it (default: report.html in the folder of the run or sweep; of several, here)',
    )
    .action(async (given: string[], { output, runs }: ReportFlags) => {
      const { runsOf } = await import('../../sweep/resolve.js');
      const { isSweep, sweepFolder } = await import('../../sweep/manifest.js');
      const directories = runsOf(given, runs);
      const { readReportRuns } = await import('../../report/reportRun.js');
      const { reportHtml } = await import('../../report/html.js');
      const { writeFileAtomic } = await import('../../io/atomicFile.js');
      const [only] = given.length === 1 ? [isSweep(given[0]!, runs) ? sweepFolder(given[0]!, runs) : given[0]!] : [];
      const file = output ?? (only === undefined ? 'report.html' : join(only, 'report.html'));
      writeFileAtomic(file, reportHtml(readReportRuns(directories)));
      process.stderr.write(`Written: ${relative(process.cwd(), file) || file}\n`);
    });
}
