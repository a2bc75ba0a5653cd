/** The commands of gala with their options. */
import { Command } from 'commander';
import { describeVersions } from '../run/host.js';
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

/** The program `gala`. Parsing throws `CommanderError` for an unknown command or a wrong option. */
export function createProgram(): Command {
  const gala = new Command('gala')
    .description('Long-tailed recognition experiments: a config in, training with GALA, a top-1 table out.')
    .version(describeVersions().gala, '-V, --version', 'print the version')
    .option('--debug', 'print stack traces with errors')
    // The arguments of a command are in its own help; beside its name they would leave no room for what it does.
    .configureHelp({ showGlobalOptions: true, subcommandTerm: command => command.name() })
    .showHelpAfterError('(gala --help shows the commands, gala <command> --help the options)')
    .exitOverride();
  for (const register of registerCommands) register(gala);
  return gala;
}
