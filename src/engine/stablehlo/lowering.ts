/** The type of a lowering to StableHLO, and small functions that many lowerings use. */
import type { Precision } from '../program.js';
import type { Node } from '../trace/ir.js';
import type { Hlo, HloBuilder } from './builder.js';

export interface Context {
  readonly builder: HloBuilder;
  readonly precision: Precision;
  /** Number of devices that share each batch (devices.ts). */
  readonly devices: number;
  readonly node: Node;
  readonly inputs: readonly Hlo[];
}

/** Writes the operations that compute a node and returns its outputs. */
export type Lowering = (context: Context) => readonly Hlo[];

/** A lowering that first broadcasts its operands to the shape of the result. */
export const elementwise =
  (compute: (builder: HloBuilder, ...operands: readonly Hlo[]) => Hlo): Lowering =>
  ({ builder, node, inputs }) => {
    const { shape } = node.outputs[0]!;
    return [compute(builder, ...inputs.map(input => builder.broadcast(input, shape)))];
  };

/** A lowering to one StableHLO operation whose operands have the type of the result. */
export const same = (operation: string): Lowering =>
  elementwise((builder, ...operands) => builder.apply(operation, ...operands));

/** A tensor of the type of `x` whose elements all have one value. */
export const like = (builder: HloBuilder, x: Hlo, value: number): Hlo => builder.full(x.type, value);

/**
 * The precision in the text of a convolution or product with the operand `x`. With DEFAULT XLA may round the factors:
 * on GPUs it takes TF32 for float32.
 */
export function productPrecision({ precision }: Context, x: Hlo): 'HIGHEST' | 'DEFAULT' {
  return x.type.dtype === 'float32' && precision !== 'tf32' ? 'HIGHEST' : 'DEFAULT';
}
