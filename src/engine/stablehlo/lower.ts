/** IR → the text of a StableHLO module with one function: (state it reads, inputs) → (state it changes, outputs). */
import { EngineError } from '../../errors.js';
import type { Specs } from '../program.js';
import type { Node, TracedProgram, Value } from '../trace/ir.js';
import { type Hlo, newBuilder } from './builder.js';
import { imageKernels } from './imageKernels.js';
import type { Lowering } from './lowering.js';
import { plainKernels } from './plainKernels.js';
import { typeText } from './text.js';

const lowerings: Readonly<Record<string, Lowering>> = { ...plainKernels, ...imageKernels };

export interface Module {
  readonly text: string;
  /** State entries in the order of the first parameters; the inputs follow in the order of the program's. */
  readonly reads: readonly string[];
  /** State entries in the order of the first results; the outputs follow in the order of the program's. */
  readonly writes: readonly string[];
  /** Entries that are read and written: the runtime takes their buffers for the results. */
  readonly donated: ReadonlySet<string>;
}

/** Lowers a program on a state of these types. Throws `EngineError` for a kernel that has no lowering. */
export function lower(program: TracedProgram, state: Specs): Module {
  const nameOf = ({ attributes }: Node) => attributes.name as string;
  const reads = [...new Set(program.nodes.filter(({ kernel }) => kernel === 'State').map(nameOf))];
  const writes = Object.keys(program.state);
  const donated = new Set(writes.filter(name => reads.includes(name)));
  const parameter = (type: Hlo['type'], index: number): Hlo => ({ name: `%arg${index}`, type });
  const stateValues = new Map(reads.map((name, i) => [name, parameter(state[name]!, i)]));
  const inputValues = new Map(
    Object.entries(program.inputs).map(([name, spec], i) => [name, parameter(spec, reads.length + i)]),
  );

  const builder = newBuilder();
  const lowered = new Map<Node, readonly Hlo[]>();
  const resultOf = ({ node, index }: Value) => lowered.get(node)![index]!;
  for (const node of program.nodes) {
    if (node.kernel === 'State') lowered.set(node, [stateValues.get(nameOf(node))!]);
    else if (node.kernel === 'Input') lowered.set(node, [inputValues.get(nameOf(node))!]);
    else {
      const lowering = lowerings[node.kernel];
      if (!lowering) throw new EngineError(`The xla engine has no lowering for the kernel '${node.kernel}'.`);
      lowered.set(node, lowering({ builder, node, inputs: node.inputs.map(resultOf) }));
    }
  }

  const results = [...Object.values(program.state), ...Object.values(program.outputs)].map(resultOf);
  const parameters = [
    ...[...stateValues].map(([name, { name: argument, type }]) => {
      const alias = donated.has(name) ? ` {tf.aliasing_output = ${writes.indexOf(name)} : i32}` : '';
      return `${argument}: ${typeText(type)}${alias}`;
    }),
    ...[...inputValues.values()].map(({ name, type }) => `${name}: ${typeText(type)}`),
  ];
  const types = results.map(({ type }) => typeText(type)).join(', ');
  const text = [
    'module @program {',
    `  func.func public @main(${parameters.join(', ')}) -> (${types}) {`,
    ...builder.lines.map(line => `    ${line}`),
    `    return ${results.map(({ name }) => name).join(', ')}${results.length > 0 ? ` : ${types}` : ''}`,
    '  }',
    '}',
    '',
  ].join('\n');
  return { text, reads, writes, donated };
}

/** Kernels that this lowering knows. */
export function loweredKernels(): string[] {
  return Object.keys(lowerings);
}
