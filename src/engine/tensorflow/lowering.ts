/** The type of a lowering to TensorFlow, and small functions that many lowerings use. */
import type { IrDType, Node, Value, ValueType } from '../trace/ir.js';
import { typeOf } from '../trace/ir.js';
import type { Output } from './cApi.js';
import type { GraphBuilder, TfAttribute } from './graph.js';

interface Context {
  readonly builder: GraphBuilder;
  readonly node: Node;
  readonly inputs: readonly Output[];
  /** Threads of one of gala's own operations; undefined where TensorFlow computes everything. */
  readonly operationThreads: number | undefined;
  /** The output in the graph for a value of this program. */
  output(value: Value): Output;
}

/** Adds the operations that compute a node and returns its outputs. */
export type Lowering = (context: Context) => readonly Output[];

/** The attribute with the element type, which most operations have. */
export const T = (dtype: IrDType): Record<string, TfAttribute> => ({ T: { type: dtype } });
/** The only output of an operation. */
export const first = (oper: unknown): readonly Output[] => [{ oper, index: 0 }];
/** Type of the `index`-th input of a node. */
export const inputType = (node: Node, index = 0): ValueType => typeOf(node.inputs[index]!);

/** A lowering to one operation with the same inputs, whose only attribute is the element type of the first input. */
export const same =
  (type: string): Lowering =>
  ({ builder, node, inputs }) =>
    first(builder.operation(type, inputs, T(inputType(node).dtype)));
