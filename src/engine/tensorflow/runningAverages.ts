/**
 * Running averages inside the batch normalisation: TensorFlow's FusedBatchNormV3 moves r ← (1 − m)·r + m·batch itself
 * when it is given the averages, where TF.js ops take six operations a layer.
 */
import { countUses, type Node, reachable, type TracedProgram, type Value } from '../trace/ir.js';

interface Average {
  /** The state entry's value before the step. */
  readonly before: Value;
  /** Output 1 (mean) or 2 (variance) of a `BatchNormTrain`. */
  readonly batch: Value;
  readonly momentum: number;
}

/**
 * Rewrites each `BatchNormTrain` whose batch mean and variance serve nothing but a running average each: it takes the
 * two averages as further inputs and `momentum` as an attribute, and its outputs 1 and 2 are the new averages, for all
 * who need these.
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

  const state = Object.fromEntries(Object.entries(program.state).map(([name, result]) => [name, newValue(result)]));
  const outputs = Object.fromEntries(Object.entries(program.outputs).map(([name, result]) => [name, newValue(result)]));
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

/** The average that `node` = r·(1 − m) + batch·m computes; undefined when it is anything else. */
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
