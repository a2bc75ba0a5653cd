/**
 * Momentum updates in place. SGD in TF.js ops takes six operations and two assignments a parameter; TensorFlow's
 * ResourceApplyMomentum computes v ← μ·v + g, w ← w − η·v in one, on the variables themselves.
 */
import { countUses, type Node, reachable, type TracedProgram, typeOf, type Value } from '../trace/ir.js';

interface MomentumUpdate {
  /** State entry w. */
  readonly parameter: string;
  /** State entry v. */
  readonly velocity: string;
  readonly gradient: Value;
  /** η []. */
  readonly learningRate: Value;
  /** μ [], a constant. */
  readonly momentum: Value;
}

export interface WithMomentumUpdates {
  /** The program without what the updates do; values of the updates are among its nodes. */
  readonly program: TracedProgram;
  readonly updates: readonly MomentumUpdate[];
}

/**
 * Finds the pairs of new state v′ = v·μ + g, w′ = w − v′·η whose v and v′ nothing else uses; all else stays as it is.
 */
export function takeMomentumUpdates(program: TracedProgram): WithMomentumUpdates {
  const uses = countUses(program);
  const updates: MomentumUpdate[] = [];
  const velocities = new Map(Object.entries(program.state).map(([name, { node }]) => [node, name]));
  for (const [parameter, { node: difference }] of Object.entries(program.state)) {
    const [weight, step] = operands(difference, 'Sub');
    const [velocity, learningRate] = operands(step?.node, 'Multiply');
    const [kept, gradient] = operands(velocity?.node, 'Add');
    const [before, momentum] = operands(kept?.node, 'Multiply');
    if (!(weight && step && velocity && learningRate && kept && gradient && before && momentum)) continue;
    const name = velocities.get(velocity.node);
    const isUpdate =
      name !== undefined &&
      stateName(weight) === parameter &&
      stateName(before) === name &&
      momentum.node.kernel === 'Constant' &&
      [momentum, learningRate].every(value => typeOf(value).shape.length === 0) &&
      [step, kept, before].every(value => uses.get(value.node) === 1) &&
      uses.get(velocity.node) === 2; // the step, and the new state
    if (isUpdate) updates.push({ parameter, velocity: name, gradient, learningRate, momentum });
  }
  const taken = new Set(updates.flatMap(({ parameter, velocity }) => [parameter, velocity]));
  const state = Object.fromEntries(Object.entries(program.state).filter(([name]) => !taken.has(name)));
  const needed = updates.flatMap(({ gradient, learningRate, momentum }) => [gradient, learningRate, momentum]);
  const nodes = reachable([...Object.values(program.outputs), ...Object.values(state), ...needed]);
  return { program: { ...program, state, nodes }, updates };
}

function operands(node: Node | undefined, kernel: string): readonly (Value | undefined)[] {
  return node?.kernel === kernel ? node.inputs : [];
}

function stateName({ node }: Value): unknown {
  return node.kernel === 'State' ? node.attributes.name : undefined;
}
