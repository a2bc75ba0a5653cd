/**
 * Records the graph of a Program. TF.js sends every op to its current backend as a kernel with a name, input tensors
 * and attributes. During one call of the program this backend is the recording one (backend.ts): its tensors have a
 * type but no values, and each kernel becomes a node, whose output types follow from the rules in kernels.ts. TF.js'
 * gradients are ops too, so the graph of a training step includes the backward pass.
 *
 * State and inputs become nodes `State` and `Input`. Nodes that the results of the program do not need are dropped. A
 * program cannot read values: `dataSync` fails, and a branch on a shape is decided once for all steps.
 * tensorflow/lower.ts and stablehlo/lower.ts translate the graph, print.ts prints it.
 */
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../../errors.js';
import tf from '../../tfjs.cjs';
import { requireSameTypes } from '../hostTensor.js';
import type { Precision, Program, Specs, Tensors } from '../program.js';
import '../trainingKernels.js';
import { traceBackend } from './backend.js';
import { type Node, reachable, type TracedProgram, typeOf, type Value } from './ir.js';
import { withBf16Convolutions } from './mixedPrecision.js';

/**
 * The graph of `program` for a state of these types, in a precision (mixedPrecision.ts). Throws `EngineError` for an op
 * that is not in kernels.ts, with the op's name and the source line that uses it.
 */
export function trace(program: Program, state: Specs, precision: Precision = 'fp32'): TracedProgram {
  const traced = record(program, state);
  return precision === 'bf16' ? withBf16Convolutions(traced) : traced;
}

function record(program: Program, state: Specs): TracedProgram {
  const previous = tf.engine().backendName;
  void tf.setBackend('trace'); // switches at once: the backend's factory is synchronous
  tf.engine().startScope();
  try {
    const result = program.apply(placeholders('State', state), placeholders('Input', program.inputs));
    const outputs = valuesOf(result.outputs);
    const newState = valuesOf(result.state);
    requireSameTypes(state, typesOf(newState));
    const results = [...Object.values(outputs), ...Object.values(newState)];
    return { inputs: program.inputs, outputs, state: newState, nodes: reachable(results) };
  } catch (error) {
    throw withProgramLine(error);
  } finally {
    tf.engine().endScope();
    if (previous) void tf.setBackend(previous);
  }
}

function placeholders(kernel: 'State' | 'Input', specs: Specs): Tensors {
  const tensors: Tensors = {};
  for (const [name, spec] of Object.entries(specs)) {
    const node: Node = traceBackend.node(kernel, [], { name }, [spec]);
    tensors[name] = traceBackend.tensor({ node, index: 0 }, spec);
  }
  return tensors;
}

function valuesOf(tensors: Tensors): Record<string, Value> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, traceBackend.valueFor(tensor)]));
}

function typesOf(values: Readonly<Record<string, Value>>) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, typeOf(value)]));
}

function withProgramLine(error: unknown): unknown {
  const unknownKernel =
    error instanceof Error && /Kernel '(\w+)' not registered for backend 'trace'/.exec(error.message);
  if (!unknownKernel) return error;
  return new EngineError(`The op '${unknownKernel[1]}' is not one that the compiled engines know.`, {
    where: programLine((error as Error).stack ?? ''),
    next:
      'Write that line with ops of src/engine/trace/kernels.ts, or add a rule there and a lowering beside ' +
      'the others.',
    cause: error,
  });
}

/**
 * The first stack frame outside of TF.js and the engine, as `file:line:column` of the TypeScript source if possible.
 */
function programLine(stack: string): string | undefined {
  for (const [, location, line, column] of stack.matchAll(/\(?((?:file:\/\/)?\/[^\s()]+?):(\d+):(\d+)\)?$/gm)) {
    const path = location!.startsWith('file:') ? fileURLToPath(location!) : location!;
    if (path.includes('node_modules') || resolve(path).startsWith(dirname(import.meta.dirname))) continue;
    return sourcePosition(path, Number(line), Number(column));
  }
  return undefined;
}

function sourcePosition(path: string, line: number, column: number): string {
  try {
    const map = new SourceMap(JSON.parse(readFileSync(`${path}.map`, 'utf8')));
    const entry = map.findEntry(line - 1, column - 1);
    if ('originalSource' in entry) {
      const source = relative(process.cwd(), resolve(dirname(path), entry.originalSource));
      return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
    }
  } catch {
    // Without a source map the position in the compiled file is shown
  }
  return `${relative(process.cwd(), path)}:${line}:${column}`;
}
