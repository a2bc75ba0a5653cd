/** The CPU plugin for tests, which are skipped visibly where it is not installed. */
import { compile } from '../../../src/engine/index.js';
import { findPlugin } from '../../../src/engine/pjrt/locate.js';
import type { CompileRequest, Executable, Precision } from '../../../src/engine/program.js';
import { threads } from '../compute.js';

/** Reason to skip, or false. */
export const noPlugin = findPlugin() === undefined ? 'no PJRT plugin: gala engine install --xla-cpu' : false;

export function compileForXla(
  request: CompileRequest,
  precision: Precision = 'fp32',
  devices = 1,
): Promise<Executable> {
  return compile(request, { engine: 'xla', precision, threads, devices });
}
