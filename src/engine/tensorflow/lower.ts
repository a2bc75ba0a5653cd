/** Lowers traced programs to a TensorFlow graph; most kernels become one operation. */
import { EngineError } from '../../errors.js';
import type { Node, TracedProgram, Value } from '../trace/ir.js';
import type { Output } from './cApi.js';
import type { GraphBuilder } from './graph.js';
import { imageKernels } from './imageKernels.js';
import type { Lowering } from './lowering.js';
import { plainKernels } from './plainKernels.js';

/** By the name of the kernel. */
export const lowerings: Readonly<Record<string, Lowering>> = { ...plainKernels, ...imageKernels };

/**
 * Adds a traced program to the graph. `state` and `inputs` are the outputs in the graph for the program's state entries
 * and inputs. `operationThreads`: see lowering.ts. Returns a function from a value of the program to its output in the
 * graph.
 */
export function lower(
  builder: GraphBuilder,
  program: TracedProgram,
  state: Readonly<Record<string, Output>>,
  inputs: Readonly<Record<string, Output>>,
  operationThreads?: number,
): (value: Value) => Output {
  const lowered = new Map<Node, readonly Output[]>();
  const output = ({ node, index }: Value) => lowered.get(node)![index]!;
  for (const node of program.nodes) {
    if (node.kernel === 'State') lowered.set(node, [state[node.attributes.name as string]!]);
    else if (node.kernel === 'Input') lowered.set(node, [inputs[node.attributes.name as string]!]);
    else {
      const lowering = lowerings[node.kernel];
      if (!lowering) throw new EngineError(`The tensorflow engine has no lowering for the kernel '${node.kernel}'.`);
      lowered.set(node, lowering({ builder, node, inputs: node.inputs.map(output), output, operationThreads }));
    }
  }
  return output;
}
