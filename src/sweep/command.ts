/** Commands on a sweep: those that messages give to the reader, and the training that both launchers start. */
import { resolve } from 'node:path';
import { displayPath } from '../io/homePath.js';
import { shellWord } from '../io/shellWord.js';

/** What a command needs of a `Sweep`. */
interface NamedSweep {
  readonly manifest: { readonly name: string; readonly data?: string | undefined };
  /** The folder of runs, absolute. */
  readonly output: string;
}

const galaBinary = resolve(import.meta.dirname, '../../../bin/gala.mjs');

/** `gala sweep <verb> <name>`, with `--runs` unless the runs are in the folder `runs` of the working folder. */
export function sweepCommand(verb: 'status' | 'resume' | 'cancel', { manifest, output }: NamedSweep): string {
  return ofRuns(`gala sweep ${verb} ${shellWord(manifest.name)}`, output);
}

/** The command that makes the report of a sweep. */
export function reportCommand({ manifest, output }: NamedSweep): string {
  return ofRuns(`gala report ${shellWord(manifest.name)}`, output);
}

function ofRuns(command: string, output: string): string {
  return output === resolve('runs') ? command : `${command} --runs ${shellWord(displayPath(output))}`;
}

/** `gala sweep resume <name>` for the log of a batch job, whose reader may be in any folder. */
export function resumeFromAnywhere({ manifest, output }: NamedSweep): string {
  return `gala sweep resume ${shellWord(manifest.name)} --runs ${shellWord(output)}`;
}

/** Program and arguments of `gala <args>` with the Node and the gala of this process. */
export function galaCommand(...args: readonly string[]): [string, ...string[]] {
  return [process.execPath, galaBinary, ...args];
}

/** Program and arguments of the training that the file `config` of a sweep asks for; a begun run goes on. */
export function trainCommand({ output, manifest: { data } }: NamedSweep, config: string): [string, ...string[]] {
  const source = data === undefined ? [] : ['--data', data];
  return galaCommand('train', '--config', config, '--runs', output, ...source, '--continue');
}
