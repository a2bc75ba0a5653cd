/**
 * The recorded graph. Its nodes are TF.js kernels with inferred shapes and resolved attributes (axes ≥ 0, padding in
 * pixels), so that a lowering needs nothing from TF.js.
 */
import type { DType, HostTensor } from '../../tensor.js';
import type { Specs } from '../program.js';

/** Element types in a graph: those of inputs and outputs, bool of comparisons, and bfloat16 of mixed precision. */
export type IrDType = DType | 'bool' | 'bfloat16';

export interface ValueType {
  readonly dtype: IrDType;
  readonly shape: readonly number[];
}

type Attribute = number | boolean | string | readonly number[] | readonly (readonly number[])[];
export type Attributes = Readonly<Record<string, Attribute>>;

export interface Node {
  /** TF.js kernel name, a training kernel of `../trainingKernels.ts`, or `Input`, `State`, `Constant`. */
  readonly kernel: string;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly outputs: readonly ValueType[];
  /** Data of a `Constant`. */
  readonly constant?: HostTensor;
}

/** One output of a node. */
export interface Value {
  readonly node: Node;
  readonly index: number;
}

export interface TracedProgram {
  readonly inputs: Specs;
  /** The graph's results by name: outputs, and new values of the state entries that change. */
  readonly outputs: Readonly<Record<string, Value>>;
  readonly state: Readonly<Record<string, Value>>;
  /** The nodes that the results need, each after its inputs. */
  readonly nodes: readonly Node[];
}

export function typeOf(value: Value): ValueType {
  return value.node.outputs[value.index]!;
}

/** The nodes that `results` need, each after its inputs. */
export function reachable(results: readonly Value[]): Node[] {
  const ordered: Node[] = [];
  const seen = new Set<Node>();
  const stack: { node: Node; next: number }[] = [];
  const visit = (node: Node) => {
    if (seen.has(node)) return;
    seen.add(node);
    stack.push({ node, next: 0 });
  };
  for (const result of results) {
    visit(result.node);
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const input = top.node.inputs[top.next++];
      if (input) visit(input.node);
      else ordered.push(stack.pop()!.node);
    }
  }
  return ordered;
}

/** Counts the uses of each node's outputs, by other nodes and as results of the program. */
export function countUses({ nodes, outputs, state }: TracedProgram): Map<Node, number> {
  const uses = new Map<Node, number>();
  const results = [...Object.values(outputs), ...Object.values(state)];
  for (const { node } of [...nodes.flatMap(({ inputs }) => inputs), ...results]) {
    uses.set(node, (uses.get(node) ?? 0) + 1);
  }
  return uses;
}
