/** Runs a program on the engine `tensorflow` with and without gala's own operations, for tests. */
import { findOperations, requireTensorFlow } from '../../src/engine/install/locate.js';
import type { EngineInfo, Precision, Program } from '../../src/engine/program.js';
import { compileForTensorFlow } from '../../src/engine/tensorflow/session.js';
import type { HostTensors } from '../../src/tensor.js';

const operations = findOperations();

/** Why tests of gala's own operations are skipped; false where they are not. */
export const lacking = operations === undefined && 'gala’s own operations are not installed: gala engine install';

interface Run {
  readonly own: boolean;
  readonly threads?: number;
  readonly precision?: Precision;
}

/** The outputs of a program for these inputs, and the state after it. */
export async function run(
  program: Program,
  inputs: HostTensors,
  { own, threads = 2, precision = 'fp32' }: Run,
  state: HostTensors = {},
): Promise<{ outputs: HostTensors; state: HostTensors; info: EngineInfo }> {
  const options = { libraries: requireTensorFlow(), ...(own && { operations }), threads, precision };
  const executable = await compileForTensorFlow({ state, programs: { only: program } }, options);
  try {
    const outputs = await executable.run('only', inputs);
    return { outputs, state: await executable.readState(Object.keys(state)), info: executable.info };
  } finally {
    executable.dispose();
  }
}
