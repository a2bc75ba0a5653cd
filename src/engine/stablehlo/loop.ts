/**
 * Many steps in one call: a `while` calls the program's function a fixed number of times, so that the device runs step
 * after step without the host. The state passes from iteration to iteration; iteration i takes row i of each input and
 * writes row i of each output.
 *
 * A single step is a loop too, so that it gives the same bits: XLA chooses other layouts for values inside of a loop
 * than for parameters of a program, and so sums them in another order. XLA would remove a loop of one iteration.
 * Therefore the number of iterations is a parameter then, and all stacked tensors get a second row: XLA would move
 * everything that depends on the only row out of the loop.
 *
 * Weights that a step needs in bfloat16 pass from iteration to iteration beside the float32 weights, because the kernel
 * that changes the weights can write both. A cast at the start of a step would take a kernel for each weight.
 */
import { stacked } from '../steps.js';
import type { IrDType, ValueType } from '../trace/ir.js';
import { type Hlo, type HloBuilder, newBuilder } from './builder.js';
import { typeText } from './text.js';

/** Parameters of a function (state entries, inputs, casts) and its results (state entries, outputs). */
export interface Signature {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly state: Readonly<Record<string, ValueType>>;
  readonly inputs: readonly ValueType[];
  readonly outputs: readonly ValueType[];
  /** State entries that are parameters in another type too, after the inputs. */
  readonly casts: readonly Cast[];
}

export interface Cast {
  readonly name: string;
  readonly dtype: IrDType;
}

/**
 * The body of a function that calls `callee` `count` times. `parameters` are the state entries that the function reads,
 * then the stacked inputs. `iterations` is a parameter with the value `count`, for a loop of one iteration.
 */
export function stepLoop(
  callee: string,
  signature: Signature,
  parameters: readonly Hlo[],
  count: number,
  iterations?: Hlo,
) {
  const { reads, writes, state, casts } = signature;
  const names = [...new Set([...reads, ...writes])];
  const outputs = signature.outputs.map(type => stacked(type, Math.max(2, count)));
  const before = newBuilder();
  // An entry that is written but not read is no parameter: it is zero before the first iteration
  const entries = names.map((name, i) => (i < reads.length ? parameters[i]! : before.full(state[name]!, 0)));
  const inputs = parameters.slice(reads.length).map(rows => (count === 1 ? withSecondRow(before, rows) : rows));
  const entryOf = (among: readonly Hlo[], name: string) => among[names.indexOf(name)]!;
  const initial = [
    before.scalar('int32', 0),
    ...entries,
    ...casts.map(({ name, dtype }) => before.convert(entryOf(entries, name), dtype)),
    ...inputs,
    ...outputs.map(type => before.full(type, 0)),
    ...(iterations ? [iterations] : []),
  ];

  const carried = initial.map(({ type }, i): Hlo => ({ name: `%carried${i}`, type }));
  const [iteration, ...rest] = carried as [Hlo, ...Hlo[]];
  const next = (count: number) => rest.splice(0, count);
  const entryValues = next(names.length);
  const castValues = next(casts.length);
  const inputRows = next(inputs.length);
  const outputRows = next(outputs.length);
  const condition = newBuilder('c');
  const end = iterations ? carried.at(-1)! : condition.scalar('int32', count);
  const continues = condition.compare('LT', iteration, end);

  const body = newBuilder('b');
  const operands = [
    ...entryValues.slice(0, reads.length),
    ...inputRows.map(input => body.row(input, iteration)),
    ...castValues,
  ];
  const types = [...writes.map(name => state[name]!), ...signature.outputs];
  const called = body.emitMany(
    types,
    `func.call @${callee}(${namesOf(operands)}) : (${typesOf(operands)}) -> (${types.map(typeText).join(', ')})`,
  );
  const changed = names.map((name, i) => (writes.includes(name) ? called[writes.indexOf(name)]! : entryValues[i]!));
  const passed = [
    body.apply('add', iteration, body.scalar('int32', 1)),
    ...changed,
    ...casts.map(({ name, dtype }, i) =>
      writes.includes(name) ? body.convert(entryOf(changed, name), dtype) : castValues[i]!,
    ),
    ...inputRows,
    ...outputRows.map((rows, i) => body.withRow(rows, iteration, called[writes.length + i]!)),
    ...(iterations ? [carried.at(-1)!] : []),
  ];

  const bound = carried.map(({ name }, i) => `${name} = ${initial[i]!.name}`).join(', ');
  const lines = [
    ...before.lines,
    `%end:${carried.length} = stablehlo.while(${bound}) : ${typesOf(carried)}`,
    'cond {',
    ...condition.lines.map(indented),
    `  stablehlo.return ${continues.name} : ${typeText(continues.type)}`,
    '} do {',
    ...body.lines.map(indented),
    `  stablehlo.return ${namesOf(passed)} : ${typesOf(passed)}`,
    '}',
  ];
  const after = newBuilder('a');
  const ends = (values: readonly Hlo[]) => values.map(value => ({ ...value, name: `%end#${carried.indexOf(value)}` }));
  const filled = ends(outputRows);
  const results = [
    ...writes.map(name => entryOf(ends(entryValues), name)),
    ...(count === 1 ? filled.map(rows => firstRow(after, rows)) : filled),
  ];
  return { lines: [...lines, ...after.lines], results };
}

function withSecondRow(builder: HloBuilder, rows: Hlo): Hlo {
  const none = rows.type.shape.map(() => 0);
  return builder.pad(rows, 0, none, none.with(0, 1), none);
}

function firstRow(builder: HloBuilder, rows: Hlo): Hlo {
  const { shape } = rows.type;
  return builder.slice(
    rows,
    shape.map(() => 0),
    [1, ...shape.slice(1)],
  );
}

const namesOf = (values: readonly Hlo[]) => values.map(({ name }) => name).join(', ');
const typesOf = (values: readonly Hlo[]) => values.map(({ type }) => typeText(type)).join(', ');
const indented = (line: string) => `  ${line}`;
