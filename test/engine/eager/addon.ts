/** The eager engine for tests, which are skipped visibly where tfjs-node-gpu is not usable. */
import { findAddon } from '../../../src/engine/eager/locate.js';
import { compile } from '../../../src/engine/index.js';
import type { CompileRequest, Executable } from '../../../src/engine/program.js';
import { threads } from '../compute.js';

/** Reason to skip, or false. */
export const noAddon = findAddon() === undefined ? 'no tfjs-node-gpu that can run: gala engine install --eager' : false;

export function compileForEager(request: CompileRequest): Promise<Executable> {
  return compile(request, { engine: 'eager', precision: 'fp32', threads });
}
