/** Commands on a sweep that messages tell the reader to give: each can be pasted as it is. */
import { isAbsolute, relative, resolve } from 'node:path';
import { shellWord } from '../io/shellWord.js';

/** What a command needs of a `Sweep`. */
interface NamedSweep {
  readonly manifest: { readonly name: string };
  /** The folder of runs, absolute. */
  readonly output: string;
}

const usualOutput = 'runs';

/** `gala sweep <verb> <name>`, with `--runs` where the runs are not in `runs` below the working folder. */
export function sweepCommand(verb: 'status' | 'resume' | 'cancel', { manifest, output }: NamedSweep): string {
  const command = `gala sweep ${verb} ${shellWord(manifest.name)}`;
  return output === resolve(usualOutput) ? command : `${command} --runs ${shellWord(fromHere(output))}`;
}

/** `gala sweep resume <name>` for a reader whose working folder is not known: that of a batch job's log. */
export function resumeFromAnywhere({ manifest, output }: NamedSweep): string {
  return `gala sweep resume ${shellWord(manifest.name)} --runs ${shellWord(output)}`;
}

/** Relative to the working folder for what lies in it, else absolute. */
function fromHere(folder: string): string {
  const path = relative(process.cwd(), folder) || '.';
  return path.startsWith('..') || isAbsolute(path) ? folder : path;
}
