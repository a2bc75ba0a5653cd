/** Lowers a traced program to the text of a StableHLO module: (state read, inputs) → (changed state, outputs). */
import { EngineError } from '../../errors.js';
import type { Precision, Specs } from '../program.js';
import { stacked } from '../steps.js';
import { type Node, type TracedProgram, typeOf, type Value } from '../trace/ir.js';
import { type Hlo, newBuilder } from './builder.js';
import { batchAxisOf, meshText, moduleAttributes, sharding } from './devices.js';
import { imageKernels } from './imageKernels.js';
import { type Cast, stepLoop } from './loop.js';
import type { Lowering } from './lowering.js';
import { plainKernels } from './plainKernels.js';
import { typeText } from './text.js';

/** By the name of the kernel. */
export const lowerings: Readonly<Record<string, Lowering>> = { ...plainKernels, ...imageKernels };

export interface Module {
  readonly text: string;
  /** State entries in the order of the first parameters. The program's inputs follow in their order. */
  readonly reads: readonly string[];
  /** State entries in the order of the first results. The program's outputs follow in their order. */
  readonly writes: readonly string[];
  /** Whether the last parameter, int32 [], is the number of steps (loop.ts). */
  readonly takesCount: boolean;
  /** Entries that are read and written: their results are written to their buffers. */
  readonly donated: ReadonlySet<string>;
}

export interface LowerOptions {
  /** Number of steps in a loop; inputs and outputs are stacked `[count, …]` then. Without it there is no loop. */
  readonly count?: number | undefined;
  readonly precision: Precision;
  /** Number of devices that share each batch (devices.ts). */
  readonly devices: number;
}

/** Lowers a program on a state of these types. Throws `EngineError` for a kernel that has no lowering. */
export function lower(program: TracedProgram, state: Specs, options: LowerOptions): Module {
  const { count, precision, devices } = options;
  const nameOf = ({ attributes }: Node) => attributes.name as string;
  const reads = [...new Set(program.nodes.filter(({ kernel }) => kernel === 'State').map(nameOf))];
  const writes = Object.keys(program.state);
  const donated = new Set(writes.filter(name => reads.includes(name)));
  const parameter = (type: Hlo['type'], index: number): Hlo => ({ name: `%arg${index}`, type });
  const stateValues = new Map(reads.map((name, i) => [name, parameter(state[name]!, i)]));
  const inputValues = new Map(
    Object.entries(program.inputs).map(([name, spec], i) => [name, parameter(spec, reads.length + i)]),
  );

  // In a loop, the casts of state entries are parameters of the step (loop.ts)
  const isCastOfState = ({ kernel, inputs: [input] }: Node) => kernel === 'Cast' && input!.node.kernel === 'State';
  const castNodes = count === undefined ? [] : program.nodes.filter(isCastOfState);
  const casts = castNodes.map(
    (node): Cast => ({ name: nameOf(node.inputs[0]!.node), dtype: typeOf({ node, index: 0 }).dtype }),
  );
  const castValues = new Map(
    castNodes.map((node, i) => [node, parameter(typeOf({ node, index: 0 }), reads.length + inputValues.size + i)]),
  );

  const builder = newBuilder();
  const lowered = new Map<Node, readonly Hlo[]>();
  const resultOf = ({ node, index }: Value) => lowered.get(node)![index]!;
  for (const node of program.nodes) {
    if (node.kernel === 'State') lowered.set(node, [stateValues.get(nameOf(node))!]);
    else if (node.kernel === 'Input') lowered.set(node, [inputValues.get(nameOf(node))!]);
    else if (castValues.has(node)) lowered.set(node, [castValues.get(node)!]);
    else {
      const lowering = lowerings[node.kernel];
      if (!lowering) throw new EngineError(`The xla engine has no lowering for the kernel '${node.kernel}'.`);
      lowered.set(node, lowering({ builder, precision, devices, node, inputs: node.inputs.map(resultOf) }));
    }
  }

  const results = [...Object.values(program.state), ...Object.values(program.outputs)].map(resultOf);
  const parameters = [...stateValues.values(), ...inputValues.values()];
  const body = { lines: builder.lines, results };
  const main = (given: readonly Hlo[], whole: Body) => {
    const attributes = given.map((value, i) => {
      const aliased = donated.has(reads[i]!) ? [`tf.aliasing_output = ${writes.indexOf(reads[i]!)} : i32`] : [];
      const batchAxis = i < reads.length ? undefined : batchAxisOf(value.type, count !== undefined, devices);
      return [...aliased, ...sharding(value.type, batchAxis, devices)];
    });
    const shared = whole.results.map(({ type }) => sharding(type, undefined, devices));
    return functionText('public @main', given, whole, attributes, shared);
  };
  if (count === undefined) {
    return { text: moduleText([main(parameters, body)], devices), reads, writes, donated, takesCount: false };
  }
  const signature = {
    reads,
    writes,
    state,
    inputs: Object.values(program.inputs),
    outputs: Object.values(program.outputs).map(typeOf),
    casts,
  };
  const given = parameters.map((value, i) =>
    i < reads.length ? value : { ...value, type: stacked(value.type, count) },
  );
  const iterations = count === 1 ? parameter({ dtype: 'int32', shape: [] }, given.length) : undefined;
  const loop = stepLoop('step', signature, given, count, iterations);
  const functions = [
    main(iterations ? [...given, iterations] : given, loop),
    functionText('private @step', [...parameters, ...castValues.values()], body),
  ];
  return { text: moduleText(functions, devices), reads, writes, donated, takesCount: iterations !== undefined };
}

interface Body {
  readonly lines: readonly string[];
  readonly results: readonly Hlo[];
}

function functionText(
  name: string,
  parameters: readonly Hlo[],
  { lines, results }: Body,
  ofParameters: readonly (readonly string[])[] = [],
  ofResults: readonly (readonly string[])[] = [],
): string[] {
  const attributed = (text: string, attributes: readonly string[] = []) =>
    attributes.length > 0 ? `${text} {${attributes.join(', ')}}` : text;
  const given = parameters.map((value, i) => attributed(`${value.name}: ${typeText(value.type)}`, ofParameters[i]));
  const types = results.map(({ type }) => typeText(type));
  return [
    `func.func ${name}(${given.join(', ')}) -> ` +
      `(${types.map((type, i) => attributed(type, ofResults[i])).join(', ')}) {`,
    ...lines.map(line => `  ${line}`),
    `  return ${results.map(value => value.name).join(', ')}${results.length > 0 ? ` : ${types.join(', ')}` : ''}`,
    '}',
  ];
}

function moduleText(functions: readonly (readonly string[])[], devices: number): string {
  const lines = [...meshText(devices), ...functions.flat()].map(line => `  ${line}`);
  return [`module @program${moduleAttributes(devices)} {`, ...lines, '}', ''].join('\n');
}
