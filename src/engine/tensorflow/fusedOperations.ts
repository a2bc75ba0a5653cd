/**
 * Rewrites the graph for fused operations of TensorFlow. Two update the state in place: ResourceApplyMomentum
 * computes v ← μ·v + g, w ← w − η·v, for which SGD in TF.js ops takes six operations and two assignments per
 * parameter. FusedBatchNormV3 can also move the running averages, r ← (1 − m)·r + m·batch, for which TF.js ops
 * take six operations per layer. The third is a convolution with a bias and ReLU, for batch normalisation by running
 * averages in bfloat16.
 */
import {
  countUses,
  type Node,
  reachable,
  type TracedProgram,
  typeOf,
  type Value,
  type ValueType,
} from '../trace/ir.js';

interface MomentumUpdate {
  /** Name of the state entry w. */
  readonly parameter: string;
  /** Name of the state entry v. */
  readonly velocity: string;
  readonly gradient: Value;
  /** η []. */
  readonly learningRate: Value;
  /** μ [], a constant. */
  readonly momentum: Value;
}

export interface WithMomentumUpdates {
  /** The program without the updated state entries. Its nodes include the values that the updates need. */
  readonly program: TracedProgram;
  readonly updates: readonly MomentumUpdate[];
}

/**
 * Finds the pairs of new state entries v′ = v·μ + g, w′ = w − v′·η for which no other node uses v′ or the
 * terms.
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

interface Average {
  /** The state entry's value before the step. */
  readonly before: Value;
  /** Output 1 (mean) or 2 (variance) of a `BatchNormTrain`. */
  readonly batch: Value;
  readonly momentum: number;
}

/**
 * Rewrites each `BatchNormTrain` whose batch mean and variance are used only for one running average each. The node
 * gets the two averages as further inputs and an attribute `momentum`; its outputs 1 and 2 become the new averages.
 */
export function withRunningAverages(program: TracedProgram): TracedProgram {
  const averages = averagesByLayer(program);
  const rewritten = new Map<Node, Node>();
  const value = ({ node, index }: Value): Value => ({ node: rewritten.get(node)!, index });
  const newValue = (before: Value): Value => {
    const batch = averageOf(before.node)?.batch;
    return value(batch && averages.has(batch.node) ? batch : before);
  };
  for (const node of program.nodes) if (node.kernel === 'State') rewritten.set(node, node);
  for (const node of program.nodes) {
    if (node.kernel === 'State') continue;
    const layer = averages.get(node);
    const further = layer ? [layer.mean.before, layer.variance.before] : [];
    const attributes = layer ? { ...node.attributes, momentum: layer.mean.momentum } : node.attributes;
    rewritten.set(node, { ...node, attributes, inputs: [...node.inputs, ...further].map(newValue) });
  }
  return withResults(program, newValue);
}

/** The program with `value` of each output and state entry in its place, and the nodes that these need. */
export function withResults(program: TracedProgram, value: (result: Value) => Value): TracedProgram {
  const replaced = (results: Readonly<Record<string, Value>>) =>
    Object.fromEntries(Object.entries(results).map(([name, result]) => [name, value(result)]));
  const [outputs, state] = [replaced(program.outputs), replaced(program.state)];
  const nodes = reachable([...Object.values(outputs), ...Object.values(state)]);
  return { inputs: program.inputs, outputs, state, nodes };
}

function averagesByLayer(program: TracedProgram): Map<Node, { mean: Average; variance: Average }> {
  const uses = countUses(program);
  const found = Object.values(program.state).flatMap(({ node }) => {
    const average = averageOf(node);
    return average && uses.get(node.inputs[1]!.node) === 1 ? [average] : [];
  });
  const users = program.nodes.flatMap(({ inputs }) => inputs).filter(isStatistic);
  const results = Object.values(program.outputs).filter(isStatistic);
  const layers = new Map<Node, { mean: Average; variance: Average }>();
  for (const mean of found.filter(({ batch }) => batch.index === 1)) {
    const layer = mean.batch.node;
    const variance = found.find(({ batch }) => batch.node === layer && batch.index === 2);
    const taken = [...users, ...results].filter(({ node }) => node === layer).length;
    if (variance?.momentum === mean.momentum && taken === 2) layers.set(layer, { mean, variance });
  }
  return layers;
}

/** The average r·(1 − m) + batch·m if `node` computes one; undefined otherwise. */
function averageOf({ kernel, inputs: [kept, added] }: Node): Average | undefined {
  if (kernel !== 'Add' || kept?.node.kernel !== 'Multiply' || added?.node.kernel !== 'Multiply') return undefined;
  const [before, keep] = kept.node.inputs;
  const [batch, add] = added.node.inputs;
  const momentum = scalar(add) ?? Number.NaN;
  if (!(Math.abs(scalar(keep)! + momentum - 1) < 1e-6)) return undefined;
  return before!.node.kernel === 'State' && isStatistic(batch!) ? ({ before, batch, momentum } as Average) : undefined;
}

function isStatistic({ node, index }: Value): boolean {
  return node.kernel === 'BatchNormTrain' && (index === 1 || index === 2);
}

function scalar(value: Value | undefined): number | undefined {
  const constant = value?.node.constant;
  return constant?.shape.length === 0 ? constant.data[0] : undefined;
}

/**
 * Folds each bfloat16 `FusedBatchNorm` of a convolution that nothing else uses into the filter, w·s, and a bias,
 * offset − mean·s, where s = scale / √(variance + ε) in float32. TensorFlow computes the convolution, the bias
 * and the ReLU in one operation; with batch normalisation it does so only in float32. The image is rounded once instead
 * of twice.
 */
export function withFoldedBatchNorm(program: TracedProgram): TracedProgram {
  const uses = countUses(program);
  const rewritten = new Map<Node, Node>();
  const value = ({ node, index }: Value): Value => ({ node: rewritten.get(node)!, index });
  for (const node of program.nodes) {
    const inputs = node.inputs.map(value);
    const convolution = inputs[0]?.node;
    const isFolded =
      node.kernel === 'FusedBatchNorm' &&
      typeOf(node.inputs[0]!).dtype === 'bfloat16' &&
      (convolution?.kernel === 'Conv2D' || convolution?.kernel === 'GroupedConv2D') &&
      uses.get(node.inputs[0]!.node) === 1;
    rewritten.set(node, isFolded ? foldedBatchNorm({ ...node, inputs }) : { ...node, inputs });
  }
  return withResults(program, value);
}

function foldedBatchNorm(batchNorm: Node): Node {
  const convolution = batchNorm.inputs[0]!.node;
  const [image, rounded] = convolution.inputs as [Value, Value];
  const [filter, bias] = foldedIntoFilter(batchNorm, rounded.node.inputs[0]!); // the operand of a cast to bfloat16
  const inBf16 = (operand: Value) => applied('Cast', [operand], { ...typeOf(operand), dtype: 'bfloat16' });
  const filtered = { node: { ...convolution, inputs: [image, inBf16(filter)] }, index: 0 };
  return { kernel: 'BiasAdd', inputs: [filtered, inBf16(bias)], attributes: {}, outputs: batchNorm.outputs };
}

/** The filter and the bias of a convolution with `filter` and a `FusedBatchNorm` after it. */
export function foldedIntoFilter({ inputs, attributes }: Node, filter: Value): readonly [filter: Value, bias: Value] {
  const [, scale, offset, mean, variance] = inputs as [Value, Value, Value, Value, Value];
  const epsilon = float32Scalar(attributes.epsilon as number);
  const perChannel = (kernel: string, ...operands: Value[]) => applied(kernel, operands, typeOf(scale));
  const factor = perChannel('Multiply', scale, perChannel('Rsqrt', perChannel('Add', variance, epsilon)));
  const bias = perChannel('Sub', offset, perChannel('Multiply', mean, factor));
  return [applied('Multiply', [filter, factor], typeOf(filter)), bias];
}

function applied(kernel: string, inputs: readonly Value[], type: ValueType): Value {
  return { node: { kernel, inputs, attributes: {}, outputs: [type] }, index: 0 };
}

function float32Scalar(value: number): Value {
  const constant = { dtype: 'float32', shape: [], data: Float32Array.of(value) } as const;
  return { node: { kernel: 'Constant', inputs: [], attributes: {}, outputs: [constant], constant }, index: 0 };
}
