/** `--runs DIR`, the folder of runs, of every command that reads or writes runs. */
import { type Command, Option } from 'commander';

/** Adds `--runs`; where `hasAlias` is set also `--output`, its name before, which help does not show. */
export function addRunsOption(command: Command, hasAlias = false): Command {
  command.option('--runs <dir>', 'folder of runs', 'runs');
  if (!hasAlias) return command;
  return command
    .addOption(new Option('--output <dir>').hideHelp())
    .on('option:output', (folder: string) => command.setOptionValue('runs', folder));
}
