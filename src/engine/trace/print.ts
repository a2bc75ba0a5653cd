/**
 * Prints a traced program, one line per node, to debug a program or an engine:
 *   %3 = Conv2D(%1, %2) {strides: [1, 1]} : float32[64, 32, 32, 16]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CompileRequest, Precision } from '../program.js';
import type { Attributes, Node, TracedProgram, Value, ValueType } from './ir.js';
import { trace } from './trace.js';

/** Number of values of a constant that are printed; `…` stands for the others. */
const valuesShown = 8;

/** Writes each program to `folder` as `<name>.txt`, before an engine compiles it. */
export function writePrograms(folder: string, { state, programs }: CompileRequest, precision: Precision): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, program] of Object.entries(programs))
    writeFileSync(join(folder, `${name}.txt`), `${printProgram(trace(program, state, precision))}\n`);
}

/** The nodes, each after its inputs, then the outputs and the state entries that change. */
function printProgram(program: TracedProgram): string {
  const names = new Map<Node, string>(program.nodes.map((node, i) => [node, `%${i}`]));
  const nameOf = ({ node, index }: Value) => names.get(node)! + (node.outputs.length > 1 ? `.${index}` : '');
  const lines = program.nodes.map(node => {
    const inputs = node.inputs.map(nameOf).join(', ');
    const types = node.outputs.map(typeText).join(', ');
    return `${names.get(node)} = ${node.kernel}(${inputs})${attributeText(node)} : ${types}`;
  });
  const results = (kind: string, values: Readonly<Record<string, Value>>) =>
    Object.entries(values).map(([name, value]) => `${kind} ${name} = ${nameOf(value)}`);
  return [...lines, ...results('output', program.outputs), ...results('state', program.state)].join('\n');
}

function typeText({ dtype, shape }: ValueType): string {
  return `${dtype}[${shape.join(', ')}]`;
}

function attributeText({ attributes, constant }: Pick<Node, 'attributes' | 'constant'>): string {
  const all: Attributes = constant ? { ...attributes, values: shown(constant.data) } : attributes;
  const texts = Object.entries(all).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return texts.length === 0 ? '' : ` {${texts.join(', ')}}`;
}

function shown(data: ArrayLike<number>): string {
  const first = Array.from({ length: Math.min(data.length, valuesShown) }, (_, i) => data[i]);
  return first.join(' ') + (data.length > valuesShown ? ' …' : '');
}
