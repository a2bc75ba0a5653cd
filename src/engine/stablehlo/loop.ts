/**
 * Many steps in one call: the program's function in a `while` of a fixed number of turns, so that the device goes from
 * step to step without asking the host. State passes from turn to turn; turn i takes row i of each input and fills row
 * i of each output. One step is a loop too, with the same bits: XLA gives the values inside of a loop other layouts
 * than a program's parameters have, and so sums them in another order. That it does not undo a loop of one turn, the
 * number of turns is a parameter then, and all tensors of rows have a second one, without which it takes what depends
 * on the only row out of the loop. Weights that a step takes in bfloat16 pass from turn to turn beside the float32
 * ones, for the kernel that changes these can write both: cast at the start of a step, each would take a kernel of its
 * own.
 */
import { stacked } from '../steps.js';
import type { IrDType, ValueType } from '../trace/ir.js';
import { type Hlo, type HloBuilder, newBuilder } from './builder.js';
import { typeText } from './text.js';

/** What a function takes and gives: state entries and inputs in, state entries and outputs out. */
export interface Signature {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly state: Readonly<Record<string, ValueType>>;
  readonly inputs: readonly ValueType[];
  readonly outputs: readonly ValueType[];
  /** Entries that it takes in another type too, after the inputs. */
  readonly casts: readonly Cast[];
}

export interface Cast {
  readonly name: string;
  readonly dtype: IrDType;
}

/**
 * The body of a function that runs `callee` `count` times; `parameters` are the entries it reads, then the stacked
 * inputs. `turns`, where given, is a value that equals `count`.
 */
export function stepLoop(callee: string, signature: Signature, parameters: readonly Hlo[], count: number, turns?: Hlo) {
  const { reads, writes, state, casts } = signature;
  const names = [...new Set([...reads, ...writes])];
  const outputs = signature.outputs.map(type => stacked(type, Math.max(2, count)));
  const before = newBuilder();
  // An entry that is written and never read has no value before the first turn: zeros stand for it
  const entries = names.map((name, i) => (i < reads.length ? parameters[i]! : before.full(state[name]!, 0)));
  const inputs = parameters.slice(reads.length).map(rows => (count === 1 ? withSecondRow(before, rows) : rows));
  const entryOf = (among: readonly Hlo[], name: string) => among[names.indexOf(name)]!;
  const initial = [
    before.scalar('int32', 0),
    ...entries,
    ...casts.map(({ name, dtype }) => before.convert(entryOf(entries, name), dtype)),
    ...inputs,
    ...outputs.map(type => before.full(type, 0)),
    ...(turns ? [turns] : []),
  ];

  const carried = initial.map(({ type }, i): Hlo => ({ name: `%carried${i}`, type }));
  const [turn, ...rest] = carried as [Hlo, ...Hlo[]];
  const part = (start: number, length: number) => rest.slice(start, start + length);
  const own = part(0, names.length);
  const cast = part(names.length, casts.length);
  const given = part(names.length + casts.length, inputs.length);
  const made = part(names.length + casts.length + inputs.length, outputs.length);
  const condition = newBuilder('c');
  const isLeft = condition.compare('LT', turn, turns ? carried.at(-1)! : condition.scalar('int32', count));

  const body = newBuilder('b');
  const operands = [...own.slice(0, reads.length), ...given.map(input => body.row(input, turn)), ...cast];
  const types = [...writes.map(name => state[name]!), ...signature.outputs];
  const called = body.emitMany(
    types,
    `func.call @${callee}(${namesOf(operands)}) : (${typesOf(operands)}) -> (${types.map(typeText).join(', ')})`,
  );
  const after = names.map((name, i) => (writes.includes(name) ? called[writes.indexOf(name)]! : own[i]!));
  const passed = [
    body.apply('add', turn, body.scalar('int32', 1)),
    ...after,
    ...casts.map(({ name, dtype }, i) =>
      writes.includes(name) ? body.convert(entryOf(after, name), dtype) : cast[i]!,
    ),
    ...given,
    ...made.map((rows, i) => body.withRow(rows, turn, called[writes.length + i]!)),
    ...(turns ? [carried.at(-1)!] : []),
  ];

  const bound = carried.map(({ name }, i) => `${name} = ${initial[i]!.name}`).join(', ');
  const lines = [
    ...before.lines,
    `%end:${carried.length} = stablehlo.while(${bound}) : ${typesOf(carried)}`,
    'cond {',
    ...condition.lines.map(indented),
    `  stablehlo.return ${isLeft.name} : ${typeText(isLeft.type)}`,
    '} do {',
    ...body.lines.map(indented),
    `  stablehlo.return ${namesOf(passed)} : ${typesOf(passed)}`,
    '}',
  ];
  const end = newBuilder('a');
  const ends = (values: readonly Hlo[]) => values.map(value => ({ ...value, name: `%end#${carried.indexOf(value)}` }));
  const filled = ends(made);
  const results = [
    ...writes.map(name => entryOf(ends(own), name)),
    ...(count === 1 ? filled.map(rows => firstRow(end, rows)) : filled),
  ];
  return { lines: [...lines, ...end.lines], results };
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
