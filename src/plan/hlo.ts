/** Reads the text of an optimized HLO module, which XLA writes: computations with instructions. */

export interface Instruction {
  readonly name: string;
  /** Text of the result's type; for a tuple the types in parentheses. */
  readonly type: string;
  readonly opcode: string;
  /** Names of instructions of the same computation. */
  readonly operands: readonly string[];
  /** Index of a parameter, from 0; undefined for other instructions. */
  readonly parameter: number | undefined;
  /** Text after the operands. */
  readonly attributes: string;
  readonly isRoot: boolean;
}

/** Instructions by name, in the order of execution. */
export type Computation = ReadonlyMap<string, Instruction>;

export interface HloModule {
  readonly computations: ReadonlyMap<string, Computation>;
  readonly entry: Computation;
  /** Number of results that reuse the buffers of parameters. */
  readonly aliased: number;
}

export function parseHlo(text: string): HloModule {
  const computations = new Map<string, Map<string, Instruction>>();
  let current: Map<string, Instruction> | undefined;
  let entry: Computation | undefined;
  for (const line of text.split('\n')) {
    const head = /^(ENTRY )?%?([\w.-]+) \(.*\) -> .* \{$/.exec(line);
    if (head) {
      current = new Map();
      computations.set(head[2]!, current);
      if (head[1]) entry = current;
    } else if (line.startsWith('  ')) {
      const instruction = instructionOf(line.trim());
      if (instruction) current?.set(instruction.name, instruction);
    }
  }
  const header = text.slice(0, text.indexOf('\n'));
  return { computations, entry: entry!, aliased: header.match(/\((\d+), \{\}, (may|must)-alias\)/g)?.length ?? 0 };
}

function instructionOf(line: string): Instruction | undefined {
  const named = /^(ROOT )?%?([\w.-]+) = /.exec(line);
  if (!named) return undefined;
  const rest = line.slice(named[0].length);
  const typeEnd = rest.startsWith('(') ? closing(rest, 0) + 1 : rest.indexOf(' ');
  const opened = rest.indexOf('(', typeEnd);
  const closed = closing(rest, opened);
  const [opcode, given] = [rest.slice(typeEnd, opened).trim(), rest.slice(opened + 1, closed)];
  return {
    name: named[2]!,
    type: rest.slice(0, typeEnd),
    opcode,
    operands: [...given.matchAll(/%([\w.-]+)/g)].map(([, name]) => name!),
    parameter: opcode === 'parameter' ? Number(given) : undefined,
    attributes: rest.slice(closed + 1),
    isRoot: named[1] !== undefined,
  };
}

/** Position of the parenthesis that closes the one at `start`. */
function closing(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')' && --depth === 0) return i;
  }
  return text.length;
}

export interface Shape {
  /** XLA's name, for instance `bf16`. */
  readonly type: string;
  readonly dimensions: readonly number[];
}

/** The arrays in a type's text: one, or those of a tuple. */
export function shapesOf(type: string): Shape[] {
  return [...type.matchAll(/\b([a-z]+\d*)\[([\d,]*)\]/g)].map(([, name, dimensions]) => ({
    type: name!,
    dimensions: dimensions!.split(',').filter(Boolean).map(Number),
  }));
}

/** Bytes of all arrays in a type's text. */
export function byteLength(type: string): number {
  return shapesOf(type).reduce(
    (sum, { type: element, dimensions }) => sum + elementBytes(element) * dimensions.reduce((a, b) => a * b, 1),
    0,
  );
}

/** XLA's names of types end with the number of bits, except that of bool. */
function elementBytes(type: string): number {
  return type === 'pred' ? 1 : Number(/\d*$/.exec(type)![0]) / 8;
}

/** The computation that the attribute `by` of an instruction names, such as `calls`. */
export function called({ computations }: HloModule, { attributes }: Instruction, by: string): Computation | undefined {
  const name = new RegExp(`\\b${by}=%?([\\w.-]+)`).exec(attributes)?.[1];
  return name === undefined ? undefined : computations.get(name);
}

/** The computation of one step: the body of the loop over the steps of a call, or the whole program without a loop. */
export function stepOf(module: HloModule): Computation {
  const loop = [...module.entry.values()].find(({ opcode }) => opcode === 'while');
  return (loop && called(module, loop, 'body')) ?? module.entry;
}
