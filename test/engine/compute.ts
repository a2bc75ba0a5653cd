/** Compiles and runs on the `tensorflow` engine in one call, for tests. */
import { compile } from '../../src/engine/index.js';
import type { CompileRequest, Executable, Precision, Specs, Tensors } from '../../src/engine/program.js';
import type { HostTensors } from '../../src/tensor.js';

/** One thread count for all tests: results are bit-exact per count. */
export const threads = 2;

export function compileForTest(request: CompileRequest, precision: Precision = 'fp32'): Promise<Executable> {
  return compile(request, { engine: 'tensorflow', precision, threads });
}

/** Outputs of a function without state for these inputs. */
export async function compute(inputs: HostTensors, apply: (inputs: Tensors) => Tensors): Promise<HostTensors> {
  const executable = await compileForTest({
    state: {},
    programs: { only: { inputs: specsOf(inputs), apply: (_, given) => ({ state: {}, outputs: apply(given) }) } },
  });
  try {
    return await executable.run('only', inputs);
  } finally {
    executable.dispose();
  }
}

export function specsOf(tensors: HostTensors): Specs {
  return Object.fromEntries(Object.entries(tensors).map(([name, { dtype, shape }]) => [name, { dtype, shape }]));
}
