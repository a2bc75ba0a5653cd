import { homedir } from 'node:os';

/**
 * A path in which a leading `~/`, or `~` alone, is the home folder. A shell does this only for words of their own: not
 * in `--output=~/runs`, in quotes, in environment files or in configs.
 */
export function withHome(path: string): string {
  return /^~(\/|$)/.test(path) ? homedir() + path.slice(1) : path;
}

/** The same for a word of a command line, which may be `--option=~/path`. */
export function wordWithHome(word: string): string {
  const [option] = /^--[\w-]+=/.exec(word) ?? [''];
  return option + withHome(word.slice(option.length));
}
