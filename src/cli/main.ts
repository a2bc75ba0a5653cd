/** The command line's frame: the commands, where errors go, and the process's exit code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { requireMemory } from '../machine/memory.js';
import { registerBenchCommand } from './bench.js';
import { registerConfigCommand } from './config.js';
import { registerDataCommand } from './data.js';
import { registerDoctorCommand } from './doctor.js';
import { registerEngineCommand } from './engine.js';
import { registerEvalCommand } from './eval.js';
import { registerExportCommand } from './export.js';
import { describeError, exitCodeOf } from './failure.js';
import { registerQuickstartCommand } from './quickstart.js';
import { registerReportCommand } from './report.js';
import { registerReproduceCommand } from './reproduce.js';
import { registerResultsCommand } from './results.js';
import { registerRunsCommand } from './runs.js';
import { registerSweepCommand } from './sweep.js';
import { registerTableCommand } from './table.js';
import { registerTrainCommand } from './train.js';

// Each file registers its flags here and imports what does the work in its action, so that `gala --help` stays quick.
const registerCommands = [
  registerQuickstartCommand,
  registerTrainCommand,
  registerEvalCommand,
  registerExportCommand,
  registerReportCommand,
  registerTableCommand,
  registerSweepCommand,
  registerRunsCommand,
  registerReproduceCommand,
  registerResultsCommand,
  registerDataCommand,
  registerConfigCommand,
  registerEngineCommand,
  registerDoctorCommand,
  registerBenchCommand,
];

const lingerMilliseconds = 2000;

const program = createProgram();
for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreClosedPipe);
process.on('uncaughtException', fail);
try {
  requireMemory('Node', { addresses: 250e6, inUse: 0 });
  await program.parseAsync();
} catch (error) {
  fail(error);
}

function createProgram(): Command {
  const gala = new Command('gala')
    .description('Long-tailed recognition experiments: a config in, training with GALA, a top-1 table out.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .option('--debug', 'print stack traces with errors')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(gala --help shows the commands, gala <command> --help the options)')
    .exitOverride();
  for (const register of registerCommands) register(gala);
  return gala;
}

function packageVersion(): string {
  // dist/src/cli/main.js → the package's root.
  const root = join(import.meta.dirname, '..', '..', '..');
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}

/** Prints the error and lets the loop end by itself; what still holds it after a while (workers, a step) is cut off. */
function fail(error: unknown): void {
  process.stderr.write(describeError(error, program.opts<{ debug?: boolean }>().debug ?? false));
  const exitCode = exitCodeOf(error);
  process.exitCode = exitCode;
  setTimeout(() => process.exit(exitCode), lingerMilliseconds).unref();
}

/** `gala … | head` closes the pipe early: what would be printed is dropped, the work itself goes on. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
