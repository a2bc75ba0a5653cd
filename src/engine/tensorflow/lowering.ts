/** What a lowering is, and the few pieces that many of them share. */
import type { IrDType, Node, Value, ValueType } from '../trace/ir.js';
import { typeOf } from '../trace/ir.js';
import type { Output } from './cApi.js';
import type { GraphBuilder, TfAttribute } from './graph.js';

interface Context {
  readonly builder: GraphBuilder;
  readonly node: Node;
  readonly inputs: readonly Output[];
  /** Where a value of this program was lowered to. */
  output(value: Value): Output;
}

/** Adds the operations that compute a node and returns its outputs. */
export type Lowering = (context: Context) => readonly Output[];

/** The element type attribute that most operations have. */
export const T = (dtype: IrDType): Record<string, TfAttribute> => ({ T: { type: dtype } });
/** The only output of an operation. */
export const first = (oper: unknown): readonly Output[] => [{ oper, index: 0 }];
/** Type of the `index`-th input of a node. */
export const inputType = (node: Node, index = 0): ValueType => typeOf(node.inputs[index]!);

/** An operation with the same inputs whose only attribute is the element type of its first input. */
export const same =
  (type: string): Lowering =>
  ({ builder, node, inputs }) =>
    first(builder.operation(type, inputs, T(inputType(node).dtype)));
