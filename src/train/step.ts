/** The training step as a program over the state: from images, or from features where the backbone is fixed. */
import type { Program, Tensors } from '../engine/program.js';
import {
  accumulatedPrefix,
  backbonePrefix,
  emaPrefix,
  gradientPrefix,
  headPrefix,
  lossPrefix,
  momentumPrefix,
  splitModel,
  withoutPrefix,
  withPrefix,
} from '../models/modelEntries.js';
import tf from '../tfjs.cjs';
import { accumulated, microSpecs, type Targets } from './accumulation.js';
import { distilled, taughtBy } from './distillation.js';
import { recordGradient } from './gradientRecord.js';
import { type Learning, trainedParameters } from './learning.js';
import { blend, type Mixing, mixingOf, mixRows, mixupSpecs } from './mixup.js';
import { type Forward, featureSpec, featuresOf, imageSpec, type Network, normalized } from './network.js';

/**
 * One optimizer step. Inputs: `images` uint8 `[B, H, W, channels]`, `labels` int32 `[B]`, `learning_rate` [], and
 * `progress` [] for a loss that uses it. Output: `loss` [], the batch mean before the update. With mixup, the
 * statistics of the loss and the gradient record are blended like the loss: each sample counts λ for its own class and
 * 1 − λ for its partner's. With `accumulate`, one run of the program takes a micro-batch of B / accumulate images;
 * see `accumulation.ts`.
 */
export function trainProgram(network: Network, learning: Learning, batchSize: number): Program {
  const rows = batchSize / (learning.accumulate ?? 1);
  const imagesOf = ({ inputs, mixing }: Given): tf.Tensor4D => {
    const images = normalized(inputs.images as tf.Tensor4D, network);
    return mixing ? mixRows(images, mixing) : images;
  };
  const forward: Step['forward'] = (batch, parameters) => {
    const { statistics } = splitModel(batch.state);
    return featuresOf(network, parameters, statistics, imagesOf(batch), !learning.freeze?.batch_stats);
  };
  const { distillation } = learning;
  const teach: Step['teach'] = distillation && (given => taughtBy(network, distillation, given.state, imagesOf(given)));
  return stepProgram({ network, learning, rows, forward, teach, specs: imageSpec(network, rows) });
}

/**
 * The same step on `features` `[B, featureSize]`, always of the whole batch; for a backbone frozen with its statistics.
 */
export function classifierProgram(network: Network, learning: Learning, batchSize: number): Program {
  const forward: Step['forward'] = ({ inputs }) => ({ features: inputs.features as tf.Tensor2D, statistics: {} });
  const whole = { ...learning, accumulate: 1 };
  return stepProgram({ network, learning: whole, rows: batchSize, forward, specs: featureSpec(network, batchSize) });
}

/** What a step is built from. */
interface Step {
  readonly network: Network;
  readonly learning: Learning;
  /** Samples per run of the program. */
  readonly rows: number;
  /** Features of the batch, and the updated batch statistics by their names inside the backbone. */
  readonly forward: (batch: Given, parameters: Tensors) => Forward;
  /** The probabilities of the teachers `[B, C]`; undefined without distillation. */
  readonly teach?: ((batch: Given) => tf.Tensor2D) | undefined;
  readonly specs: Program['inputs'];
}

/** What one run of the program takes. */
interface Given {
  /** The state before the step. */
  readonly state: Tensors;
  readonly inputs: Tensors;
  readonly mixing: Mixing | undefined;
}

interface Batch extends Given {
  readonly targets: Targets;
}

function stepProgram(step: Step): Program {
  const { loss, optimizer, mixup, accumulate = 1 } = step.learning;
  return {
    inputs: {
      ...step.specs,
      labels: { dtype: 'int32', shape: [step.rows] },
      learning_rate: { dtype: 'float32', shape: [] },
      ...Object.fromEntries(
        (optimizer.factorNames ?? []).map(name => [name, { dtype: 'float32', shape: [] } as const]),
      ),
      ...(loss.usesProgress && { progress: { dtype: 'float32', shape: [] } as const }),
      ...(mixup && mixupSpecs(step.rows)),
      ...(accumulate > 1 && microSpecs),
    },
    apply: (state, inputs) => {
      const mixing = mixup ? mixingOf(inputs) : undefined;
      const labels = inputs.labels as tf.Tensor1D;
      const given: Given = { state, inputs, mixing };
      const targets: Targets = {
        labels,
        ...(mixing && { partners: tf.gather(labels, mixing.index) }),
        ...(step.teach && { taught: step.teach(given) }),
      };
      const batch: Batch = { ...given, targets };
      return accumulate === 1 ? wholeStep(step, batch) : microStep(step, batch, accumulate);
    },
  };
}

/** A step on a whole batch. */
function wholeStep(step: Step, batch: Batch): ReturnType<Program['apply']> {
  const passes = forwardAndBackward(step, batch);
  const changed = update(step, batch, { ...passes, targets: batch.targets });
  return { state: { ...changed, ...passes.batchStatistics }, outputs: { loss: passes.loss } };
}

/**
 * One of `count` micro-batches. The last one makes the step, from the mean gradient and the logits of the whole batch.
 */
function microStep(step: Step, batch: Batch, count: number): ReturnType<Program['apply']> {
  const { state, inputs, targets } = batch;
  const { gradients, logits, batchStatistics } = forwardAndBackward(step, batch);
  const last = tf.greater(inputs.last!, 0);
  const before = withoutPrefix(accumulatedPrefix, state);
  const { whole, mean, state: sums } = accumulated(before, { gradients, logits, targets, last, count });
  const lossOfWhole = valueAndGradients(
    wholeLogits => lossOf(step.learning, batch, wholeLogits as tf.Tensor2D, whole),
    [whole.logits],
  );
  const changed = update(step, batch, {
    gradients: mean,
    logitGradient: lossOfWhole.gradients[0] as tf.Tensor2D,
    lossStatistics: lossOfWhole.aux,
    batchStatistics,
    targets: whole,
  });
  const onlyWithLast = Object.entries(changed).map(([name, now]) => [name, tf.where(last, now, state[name]!)]);
  return {
    state: { ...Object.fromEntries(onlyWithLast), ...batchStatistics, ...withPrefix(accumulatedPrefix, sums) },
    outputs: { loss: lossOfWhole.value },
  };
}

/** The mean loss, its gradients with respect to the trained parameters and the logits, and the updated statistics. */
function forwardAndBackward({ network, learning, rows, forward }: Step, batch: Batch) {
  const { parameters } = splitModel(batch.state);
  const trained = trainedParameters(parameters, learning.freeze);
  const names = Object.keys(trained);
  // Outside the differentiated function: a frozen backbone has no gradient.
  const fixed = learning.freeze?.backbone ? forward(batch, parameters) : undefined;
  // These zeros are added to the logits: their gradient is that of the logits, for any loss.
  const zeros = tf.zeros([rows, batch.state[`${gradientPrefix}positive`]!.shape[0]!]);
  const { value, gradients, aux } = valueAndGradients(
    (added, ...values) => {
      const current = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
      const { features, statistics } = fixed ?? forward(batch, current);
      const logits = tf.add(network.head.apply(withoutPrefix(headPrefix, current), features), added) as tf.Tensor2D;
      const result = lossOf(learning, batch, logits, batch.targets);
      const updated = { ...withPrefix(backbonePrefix, statistics), ...withPrefix(lossPrefix, result.aux) };
      return { value: result.value, aux: { logits, ...updated } };
    },
    [zeros, ...Object.values(trained)],
  );
  const [logitGradient, ...parameterGradients] = gradients;
  return {
    loss: value,
    gradients: Object.fromEntries(names.map((name, i) => [name, parameterGradients[i]!])),
    logitGradient: logitGradient as tf.Tensor2D,
    logits: aux.logits as tf.Tensor2D,
    lossStatistics: withoutPrefix(lossPrefix, aux),
    batchStatistics: Object.fromEntries(Object.entries(aux).filter(([name]) => name.startsWith(backbonePrefix))),
  };
}

/** The mean loss of logits `[B, C]`, and as `aux` the statistics of the loss after this step. */
function lossOf(
  { loss, distillation }: Learning,
  { state, inputs, mixing }: Given,
  logits: tf.Tensor2D,
  targets: Targets,
): { value: tf.Scalar; aux: Tensors } {
  const before = withoutPrefix(lossPrefix, state);
  const { mean, ...statistics } = forTargets(targets, mixing, labels => {
    const result = loss.apply(logits, labels, before, inputs.progress as tf.Scalar);
    return { ...result.state, mean: result.loss };
  });
  const { labels, taught } = targets;
  const value = distillation ? distilled(distillation, mean as tf.Scalar, logits, labels, taught!) : mean;
  return { value: value as tf.Scalar, aux: statistics };
}

/** All state entries that a step changes, except the batch statistics. */
function update(
  { learning }: Step,
  { state, inputs, mixing }: Batch,
  {
    gradients,
    logitGradient,
    lossStatistics,
    batchStatistics,
    targets,
  }: {
    readonly gradients: Tensors;
    readonly logitGradient: tf.Tensor2D;
    readonly lossStatistics: Tensors;
    readonly batchStatistics: Tensors;
    readonly targets: Targets;
  },
): Tensors {
  const { optimizer, freeze, emaDecay = 0 } = learning;
  const trained = trainedParameters(splitModel(state).parameters, freeze);
  const momenta = withoutPrefix(momentumPrefix, state);
  const stepped = optimizer.update(gradients, momenta, trained, inputs.learning_rate as tf.Scalar, inputs);
  const record = withoutPrefix(gradientPrefix, state);
  const recorded = forTargets(targets, mixing, labels => recordGradient(record, logitGradient, labels));
  const changed = {
    ...stepped.parameters,
    ...withPrefix(momentumPrefix, stepped.momenta),
    ...withPrefix(lossPrefix, lossStatistics),
    ...withPrefix(gradientPrefix, recorded),
  };
  if (emaDecay === 0) return changed;
  const averages = movedAverages(withoutPrefix(emaPrefix, state), { ...changed, ...batchStatistics }, emaDecay);
  return { ...changed, ...withPrefix(emaPrefix, averages) };
}

/** `compute` of the labels; with mixup, blended with `compute` of the partners' labels. */
function forTargets(
  { labels, partners }: Targets,
  mixing: Mixing | undefined,
  compute: (labels: tf.Tensor1D) => Tensors,
): Tensors {
  if (!mixing) return compute(labels);
  const [ofOwn, ofPartners] = [compute(labels), compute(partners!)];
  return Object.fromEntries(
    Object.entries(ofOwn).map(([name, value]) => [name, blend(value, ofPartners[name]!, mixing.lambda)]),
  );
}

/**
 * The exponential moving average of the weights (`train.ema_decay`), one step on:
 * `ema + (1 − decay) · (now − ema)` for each entry of `before`, whose names are those of `now`. Evaluation and
 * export take the averages; training goes on from the weights themselves. PyTorch's counterpart is
 * `torch.optim.swa_utils.AveragedModel` with `get_ema_multi_avg_fn` and `use_buffers=True`, but here the average begins
 * with the weights before the first step.
 */
export function movedAverages(before: Tensors, now: Tensors, decay: number): Tensors {
  return Object.fromEntries(
    Object.entries(before).map(([name, average]) => [
      name,
      tf.add(average, tf.mul(tf.sub(now[name]!, average), 1 - decay)),
    ]),
  );
}

/**
 * The value of `f` at `xs`, its gradient with respect to each of `xs`, and further tensors `aux` that `f` returns and
 * that are not differentiated (`has_aux` of JAX's `value_and_grad`, which TF.js lacks).
 */
function valueAndGradients<Aux extends Tensors>(
  f: (...xs: tf.Tensor[]) => { value: tf.Scalar; aux: Aux },
  xs: readonly tf.Tensor[],
): { value: tf.Scalar; gradients: tf.Tensor[]; aux: Aux } {
  let aux: Aux | undefined;
  const { value, grads } = tf.valueAndGrads((...given: tf.Tensor[]) => {
    const result = f(...given);
    aux = result.aux;
    for (const tensor of Object.values(aux)) tf.keep(tensor); // else TF.js disposes of them when `f` returns
    return result.value;
  })([...xs]);
  return { value, gradients: grads, aux: aux! };
}
