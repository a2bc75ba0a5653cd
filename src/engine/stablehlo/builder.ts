/** Writes the body of a StableHLO function, one operation per line. StableHLO broadcasts nothing implicitly. */
import type { HostTensor } from '../../tensor.js';
import type { IrDType, ValueType } from '../trace/ir.js';
import { elementText, listText, splatOf, tensorText, typeText } from './text.js';

/** A value in the function: its name in the text and its type. */
export interface Hlo {
  readonly name: string;
  readonly type: ValueType;
}

export type Reduction = 'add' | 'maximum' | 'minimum';

export interface HloBuilder {
  /** The lines written so far. */
  readonly lines: readonly string[];
  /** Adds an operation with one result; `text` is the text behind `=`. */
  emit(type: ValueType, text: string): Hlo;
  /** Adds an operation with several results. */
  emitMany(types: readonly ValueType[], text: string): Hlo[];
  /** A scalar constant; equal scalars are one constant. */
  scalar(dtype: IrDType, value: number): Hlo;
  constant(tensor: HostTensor): Hlo;
  /** A tensor whose elements all have one value. */
  full(type: ValueType, value: number): Hlo;
  /** Axis i of `x` becomes axis `dimensions[i]` of the result, with the same size; `x` is repeated along the others. */
  broadcastInDim(x: Hlo, shape: readonly number[], dimensions: readonly number[]): Hlo;
  /** Broadcasts as NumPy: axes are aligned from the right, and sizes of 1 are repeated. */
  broadcast(x: Hlo, shape: readonly number[]): Hlo;
  reshape(x: Hlo, shape: readonly number[]): Hlo;
  /** Axis i of the result is axis `order[i]` of `x`. */
  transpose(x: Hlo, order: readonly number[]): Hlo;
  convert(x: Hlo, dtype: IrDType): Hlo;
  /** An operation whose operands, one or more, have the type of the result. */
  apply(operation: string, ...operands: readonly Hlo[]): Hlo;
  compare(direction: 'EQ' | 'NE' | 'GT' | 'GE' | 'LT' | 'LE', a: Hlo, b: Hlo): Hlo;
  select(condition: Hlo, yes: Hlo, no: Hlo): Hlo;
  /** Reduces over `axes`, which the result does not have. */
  reduce(x: Hlo, axes: readonly number[], how: Reduction): Hlo;
  /** Sums over `axes` of several tensors of one type, in one pass over the tensors. */
  sums(tensors: readonly Hlo[], axes: readonly number[]): Hlo[];
  /** The same values; the compiler does not combine operations before and behind the barrier. */
  barrier(values: readonly Hlo[]): Hlo[];
  /** Reverses the order of the elements along `axes`. */
  reverse(x: Hlo, axes: readonly number[]): Hlo;
  /** Joins tensors along `axis`. */
  concatenate(tensors: readonly Hlo[], axis: number): Hlo;
  /** 0, 1, 2, … along `axis`, int32. */
  iota(shape: readonly number[], axis: number): Hlo;
  /** Adds `low` and `high` elements at the ends of each axis (negative: removes), and `interior` between elements. */
  pad(x: Hlo, value: number, low: readonly number[], high: readonly number[], interior: readonly number[]): Hlo;
  slice(x: Hlo, begin: readonly number[], end: readonly number[], strides?: readonly number[]): Hlo;
  /** Row `index` (int32 []) of `x` `[count, …]`. */
  row(x: Hlo, index: Hlo): Hlo;
  /** `x` `[count, …]` with `value` as row `index`. */
  withRow(x: Hlo, index: Hlo, value: Hlo): Hlo;
}

/** All names begin with `prefix`, because a region must not reuse names of the function around it. */
export function newBuilder(prefix = 'v'): HloBuilder {
  const lines: string[] = [];
  const scalars = new Map<string, Hlo>();

  const emit: HloBuilder['emit'] = (type, text) => {
    const name = `%${prefix}${lines.length}`;
    lines.push(`${name} = ${text}`);
    return { name, type };
  };
  const emitMany: HloBuilder['emitMany'] = (types, text) => {
    const name = `%${prefix}${lines.length}`;
    lines.push(`${name}:${types.length} = ${text}`);
    return types.map((type, i) => ({ name: `${name}#${i}`, type }));
  };
  const scalar: HloBuilder['scalar'] = (dtype, value) => {
    const key = `${dtype} ${elementText(dtype, value)}`;
    const known = scalars.get(key);
    if (known) return known;
    const type = { dtype, shape: [] };
    const made = emit(type, `stablehlo.constant dense<${elementText(dtype, value)}> : ${typeText(type)}`);
    scalars.set(key, made);
    return made;
  };
  const reshape: HloBuilder['reshape'] = (x, shape) => {
    if (x.type.shape.join() === shape.join()) return x;
    const type = { dtype: x.type.dtype, shape };
    return emit(type, `stablehlo.reshape ${x.name} : (${typeText(x.type)}) -> ${typeText(type)}`);
  };
  const broadcastInDim: HloBuilder['broadcastInDim'] = (x, shape, dimensions) => {
    if (x.type.shape.join() === shape.join()) return x;
    const type = { dtype: x.type.dtype, shape };
    const dims = `dims = ${listText(dimensions)}`;
    return emit(type, `stablehlo.broadcast_in_dim ${x.name}, ${dims} : (${typeText(x.type)}) -> ${typeText(type)}`);
  };
  const apply: HloBuilder['apply'] = (operation, ...operands) => {
    const type = operands[0]!.type;
    return emit(type, `stablehlo.${operation} ${operands.map(({ name }) => name).join(', ')} : ${typeText(type)}`);
  };

  const full: HloBuilder['full'] = ({ dtype, shape }, value) => broadcastInDim(scalar(dtype, value), shape, []);

  return {
    lines,
    emit,
    emitMany,
    scalar,
    reshape,
    broadcastInDim,
    apply,
    full,
    constant: tensor => {
      const splat = splatOf(tensor);
      if (splat !== undefined) return full(tensor, splat);
      return emit(tensor, `stablehlo.constant dense<${tensorText(tensor)}> : ${typeText(tensor)}`);
    },
    broadcast: (x, shape) => {
      const offset = shape.length - x.type.shape.length;
      const kept = x.type.shape.map((_, axis) => axis).filter(axis => x.type.shape[axis] === shape[axis + offset]);
      const squeezed = reshape(
        x,
        kept.map(axis => x.type.shape[axis]!),
      );
      return broadcastInDim(
        squeezed,
        shape,
        kept.map(axis => axis + offset),
      );
    },
    transpose: (x, order) => {
      const type = { dtype: x.type.dtype, shape: order.map(axis => x.type.shape[axis]!) };
      const dims = `dims = ${listText(order)}`;
      return emit(type, `stablehlo.transpose ${x.name}, ${dims} : (${typeText(x.type)}) -> ${typeText(type)}`);
    },
    convert: (x, dtype) => {
      if (x.type.dtype === dtype) return x;
      const type = { dtype, shape: x.type.shape };
      return emit(type, `stablehlo.convert ${x.name} : (${typeText(x.type)}) -> ${typeText(type)}`);
    },
    compare: (direction, a, b) => {
      const type: ValueType = { dtype: 'bool', shape: a.type.shape };
      const types = `(${typeText(a.type)}, ${typeText(b.type)}) -> ${typeText(type)}`;
      return emit(type, `stablehlo.compare ${direction}, ${a.name}, ${b.name} : ${types}`);
    },
    select: (condition, yes, no) => {
      const types = `${typeText(condition.type)}, ${typeText(yes.type)}`;
      return emit(yes.type, `stablehlo.select ${condition.name}, ${yes.name}, ${no.name} : ${types}`);
    },
    reduce: (x, axes, how) => {
      if (axes.length === 0) return x;
      const { dtype, shape } = x.type;
      const type = { dtype, shape: shape.filter((_, axis) => !axes.includes(axis)) };
      const start = scalar(dtype, neutral(how, dtype));
      const across = `applies stablehlo.${how} across dimensions = ${listText(axes)}`;
      const types = `(${typeText(x.type)}, ${typeText(start.type)}) -> ${typeText(type)}`;
      return emit(type, `stablehlo.reduce(${x.name} init: ${start.name}) ${across} : ${types}`);
    },
    sums: (tensors, axes) => {
      const { dtype, shape } = tensors[0]!.type;
      const type = { dtype, shape: shape.filter((_, axis) => !axes.includes(axis)) };
      const start = scalar(dtype, 0);
      const element = typeText(start.type);
      const each = (of: (i: number) => string, separator = ', ') => tensors.map((_, i) => of(i)).join(separator);
      const given = each(i => `(${tensors[i]!.name} init: ${start.name})`);
      const taken = [...tensors, ...tensors.map(() => start)].map(({ type }) => typeText(type)).join(', ');
      const parameters = each(i => `(%a${i}: ${element}, %b${i}: ${element})`, ' ');
      const additions = each(i => `%c${i} = stablehlo.add %a${i}, %b${i} : ${element}`, ' ');
      const region = `${additions} stablehlo.return ${each(i => `%c${i}`)} : ${each(() => element)}`;
      const reduction = `stablehlo.reduce${given} across dimensions = ${listText(axes)}`;
      const types = `(${taken}) -> (${each(() => typeText(type))})`;
      return emitMany(
        tensors.map(() => type),
        `${reduction} : ${types} reducer${parameters} { ${region} }`,
      );
    },
    barrier: values => {
      const types = values.map(({ type }) => type);
      const names = values.map(({ name }) => name).join(', ');
      return emitMany(types, `stablehlo.optimization_barrier ${names} : ${types.map(typeText).join(', ')}`);
    },
    reverse: (x, axes) => emit(x.type, `stablehlo.reverse ${x.name}, dims = ${listText(axes)} : ${typeText(x.type)}`),
    concatenate: (tensors, axis) => {
      const [{ dtype, shape }] = tensors.map(({ type }) => type) as [ValueType];
      const length = tensors.reduce((sum, { type }) => sum + type.shape[axis]!, 0);
      const type: ValueType = { dtype, shape: shape.with(axis, length) };
      const names = tensors.map(({ name }) => name).join(', ');
      const types = tensors.map(tensor => typeText(tensor.type)).join(', ');
      return emit(type, `stablehlo.concatenate ${names}, dim = ${axis} : (${types}) -> ${typeText(type)}`);
    },
    iota: (shape, axis) => {
      const type: ValueType = { dtype: 'int32', shape };
      return emit(type, `stablehlo.iota dim = ${axis} : ${typeText(type)}`);
    },
    pad: (x, value, low, high, interior) => {
      const { dtype, shape } = x.type;
      const sizes = shape.map((size, i) => low[i]! + high[i]! + size + Math.max(size - 1, 0) * interior[i]!);
      const type = { dtype, shape: sizes };
      const filler = scalar(dtype, value);
      const amounts = `low = ${listText(low)}, high = ${listText(high)}, interior = ${listText(interior)}`;
      const types = `(${typeText(x.type)}, ${typeText(filler.type)}) -> ${typeText(type)}`;
      return emit(type, `stablehlo.pad ${x.name}, ${filler.name}, ${amounts} : ${types}`);
    },
    slice: (x, begin, end, strides = begin.map(() => 1)) => {
      const shape = begin.map((start, i) => Math.ceil((end[i]! - start) / strides[i]!));
      const type = { dtype: x.type.dtype, shape };
      const ranges = begin.map((start, i) => `${start}:${end[i]}:${strides[i]}`);
      return emit(type, `stablehlo.slice ${x.name} ${listText(ranges)} : (${typeText(x.type)}) -> ${typeText(type)}`);
    },
    row: (x, index) => {
      const [, ...shape] = x.type.shape;
      const type = { dtype: x.type.dtype, shape: [1, ...shape] };
      const starts = [index, ...shape.map(() => scalar('int32', 0))];
      const types = [x, ...starts].map(({ type }) => typeText(type)).join(', ');
      const operands = [x, ...starts].map(({ name }) => name).join(', ');
      const sizes = `sizes = ${listText(type.shape)}`;
      return reshape(
        emit(type, `stablehlo.dynamic_slice ${operands}, ${sizes} : (${types}) -> ${typeText(type)}`),
        shape,
      );
    },
    withRow: (x, index, value) => {
      const row = reshape(value, [1, ...value.type.shape]);
      const operands = [x, row, index, ...value.type.shape.map(() => scalar('int32', 0))];
      const types = operands.map(({ type }) => typeText(type)).join(', ');
      const names = operands.map(({ name }) => name).join(', ');
      return emit(x.type, `stablehlo.dynamic_update_slice ${names} : (${types}) -> ${typeText(x.type)}`);
    },
  };
}

/** The initial value of a reduction, which changes no result. */
export function neutral(how: Reduction, dtype: IrDType): number {
  if (how === 'add') return 0;
  const largest = dtype === 'int32' ? 2 ** 31 - 1 : Number.POSITIVE_INFINITY;
  if (how === 'minimum') return largest;
  return dtype === 'int32' ? -largest - 1 : -largest;
}
