/** `gala report`: run folders → one self-contained HTML page. */
import { join, relative } from 'node:path';
import type { Command } from 'commander';

interface ReportFlags {
  readonly output?: string;
}

export function registerReportCommand(program: Command): void {
  program
    .command('report')
    .description('one HTML page with the figures of one run, or of several compared')
    .argument('<dirs...>', 'run folders')
    .option('--output <file>', 'where to write it (default: report.html in the run folder; of several runs, here)')
    .action(async (directories: string[], { output }: ReportFlags) => {
      const { readReportRuns } = await import('../report/reportRun.js');
      const { reportHtml } = await import('../report/html.js');
      const { writeFileAtomic } = await import('../io/atomicFile.js');
      const file = output ?? (directories.length === 1 ? join(directories[0]!, 'report.html') : 'report.html');
      writeFileAtomic(file, reportHtml(readReportRuns(directories)));
      process.stderr.write(`Written: ${relative(process.cwd(), file) || file}\n`);
    });
}
