/** The command line's frame: the commands, where errors go, and the process's exit code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { StorageError } from '../errors.js';
import { wordWithHome } from '../io/homePath.js';
import { requireMemory } from '../machine/memory.js';
import { outlivesTerminal } from '../run/hangup.js';
import { registerBenchCommand } from './commands/bench.js';
import { registerConfigCommand } from './commands/config.js';
import { registerDataCommand } from './commands/data.js';
import { registerDoctorCommand } from './commands/doctor.js';
import { registerEngineCommand } from './commands/engine.js';
import { registerEvalCommand } from './commands/eval.js';
import { registerExportCommand } from './commands/export.js';
import { registerInitCommand } from './commands/init.js';
import { registerPredictCommand } from './commands/predict.js';
import { registerQuickstartCommand } from './commands/quickstart.js';
import { registerReportCommand } from './commands/report.js';
import { registerReproduceCommand } from './commands/reproduceFlags.js';
import { registerResultsCommand } from './commands/results.js';
import { registerRunsCommand } from './commands/runs.js';
import { registerSweepCommand } from './commands/sweep.js';
import { registerTableCommand } from './commands/table.js';
import { registerTrainCommand } from './commands/trainFlags.js';
import { hintForOption } from './configWords.js';
import { outliveOutput } from './display/output.js';
import { guardOutput } from './display/visibleOutput.js';
import { describeError, exitCodeOf } from './failure.js';

// Each file registers its flags here and imports what does the work in its action, so that `gala --help` stays quick.
const registerCommands = [
  registerQuickstartCommand,
  registerInitCommand,
  registerTrainCommand,
  registerEvalCommand,
  registerPredictCommand,
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

guardOutput();
const program = createProgram();
const output = outliveOutput();
if (outlivesTerminal) process.on('SIGHUP', () => undefined);
process.on('uncaughtException', fail);
program.hook('preAction', (_, command) => {
  // Failed writes are told after the action that wrote.
  process.once('beforeExit', () => {
    const loss = output.loss(command);
    if (loss) fail(loss);
  });
});
try {
  requireMemory('Node', { addresses: 250e6, inUse: 0 });
  requireWorkingFolder();
  await program.parseAsync(process.argv.map(wordWithHome));
} catch (error) {
  if (error instanceof CommanderError && error.code === 'commander.unknownOption')
    process.stderr.write(await hintForOption(error.message));
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

/** Whatever a command does begins with paths below the working folder, and Node's own error for one that is gone says `uv_cwd`. */
function requireWorkingFolder(): void {
  try {
    process.cwd();
  } catch (cause) {
    throw new StorageError('The working folder does not exist any more: it was removed or replaced.', {
      where: process.env.PWD ?? 'the working folder',
      next: 'Go to a folder that exists (cd ~, or cd "$PWD" where it was made anew), then run the command again.',
      cause,
    });
  }
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
