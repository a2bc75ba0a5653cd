/** The command of a task: the built `gala train`, which goes on with what is there. Both launchers run exactly this. */
import { resolve } from 'node:path';
import { type Sweep, taskConfig } from './manifest.js';

const galaBinary = resolve(import.meta.dirname, '../../../bin/gala.mjs');

/** Program and arguments of `gala <args>` with the Node and the gala of this process. */
export function galaCommand(...args: readonly string[]): [string, ...string[]] {
  return [process.execPath, galaBinary, ...args];
}

/** The command of task `index`. */
export function taskCommand(sweep: Sweep, index: number): [string, ...string[]] {
  return trainCommand(sweep, taskConfig(sweep, index));
}

/** The command of the task whose config is the file `config`. */
export function trainCommand({ output, manifest: { data } }: Sweep, config: string): [string, ...string[]] {
  const source = data === undefined ? [] : ['--data', data];
  return galaCommand('train', '--config', config, '--runs', output, ...source, '--continue');
}
