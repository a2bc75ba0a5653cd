/** The train step: one program over the state, from images, or from features where the backbone is fixed. */
import * as tf from '@tensorflow/tfjs';
import type { Program, Tensors } from '../engine/program.js';
import type { Loss } from '../losses/loss.js';
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
import { accumulated, microSpecs, type Targets } from './accumulation.js';
import { recordGradient } from './gradientRecord.js';
import { valueAndGradients } from './gradients.js';
import { type Learning, trainedOf } from './learning.js';
import { blend, type Mixing, mixingOf, mixRows, mixupSpecs } from './mixup.js';
import { type Forward, featureSpec, featuresOf, imageSpec, type Network, normalized } from './network.js';
import { movedAverages } from './weightAverage.js';

/**
 * One step of the optimizer on `images` uint8 `[B, H, W, channels]` and `labels` int32 `[B]` at `learning_rate` [], for
 * a loss with a schedule also at `progress` []: output `loss` [], the batch mean before the update. With mixup,
 * statistics of the loss and the gradient record are blended like the loss: they are sums over samples, of which each
 * counts λ for its own class. With `accumulate` the program takes one micro-batch of B / accumulate images at a time;
 * see `accumulation.ts`.
 */
export function trainProgram(network: Network, learning: Learning, batchSize: number): Program {
  const rows = batchSize / (learning.accumulate ?? 1);
  const forward = ({ state, inputs, mixing }: Batch, parameters: Tensors): Forward => {
    const images = normalized(inputs.images as tf.Tensor4D, network);
    const { statistics } = splitModel(state);
    const mixed = mixing ? mixRows(images, mixing) : images;
    return featuresOf(network, parameters, statistics, mixed, !learning.freeze?.batch_stats);
  };
  return stepProgram({ network, learning, rows, forward, specs: imageSpec(network, rows) });
}

/**
 * The same step on `features` `[B, featureSize]` of a backbone that is frozen with its statistics; the whole batch at
 * once.
 */
export function classifierProgram(network: Network, learning: Learning, batchSize: number): Program {
  const forward = ({ inputs }: Batch): Forward => ({ features: inputs.features as tf.Tensor2D, statistics: {} });
  const whole = { ...learning, accumulate: 1 };
  return stepProgram({ network, learning: whole, rows: batchSize, forward, specs: featureSpec(network, batchSize) });
}

/** What makes a step. */
interface Step {
  readonly network: Network;
  readonly learning: Learning;
  /** Samples that a run of the program takes. */
  readonly rows: number;
  /** Features of the batch, and the batch statistics that this moves, by their names inside the backbone. */
  readonly forward: (batch: Batch, parameters: Tensors) => Forward;
  readonly specs: Program['inputs'];
}

/** What a run of the program is given. */
interface Batch {
  /** The state before the step. */
  readonly state: Tensors;
  readonly inputs: Tensors;
  readonly targets: Targets;
  readonly mixing: Mixing | undefined;
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
      const targets: Targets = mixing ? [labels, tf.gather(labels, mixing.index)] : [labels];
      const batch: Batch = { state, inputs, targets, mixing };
      return accumulate === 1 ? wholeStep(step, batch) : microStep(step, batch, accumulate);
    },
  };
}

/** A step whose batch goes through the network at once. */
function wholeStep(step: Step, batch: Batch): ReturnType<Program['apply']> {
  const { value, gradients, ofLogits, lossStatistics, batchStatistics } = backward(step, batch);
  const changed = update(step, batch, { gradients, ofLogits, lossStatistics, batchStatistics, targets: batch.targets });
  return { state: { ...changed, ...batchStatistics }, outputs: { loss: value } };
}

/** One micro-batch of `count`: the last one makes the step, by the mean gradient and the logits of the whole batch. */
function microStep(step: Step, batch: Batch, count: number): ReturnType<Program['apply']> {
  const { state, inputs, targets } = batch;
  const { gradients, logits, batchStatistics } = backward(step, batch);
  const last = tf.greater(inputs.last!, 0);
  const before = withoutPrefix(accumulatedPrefix, state);
  const { whole, mean, state: sums } = accumulated(before, { gradients, logits, targets, last, count });
  const ofWhole = valueAndGradients(
    wholeLogits => lossOf(step.learning.loss, batch, wholeLogits as tf.Tensor2D, whole.targets),
    [whole.logits],
  );
  const changed = update(step, batch, {
    gradients: mean,
    ofLogits: ofWhole.gradients[0] as tf.Tensor2D,
    lossStatistics: ofWhole.aux,
    batchStatistics,
    targets: whole.targets,
  });
  const onlyWithLast = Object.entries(changed).map(([name, now]) => [name, tf.where(last, now, state[name]!)]);
  return {
    state: { ...Object.fromEntries(onlyWithLast), ...batchStatistics, ...withPrefix(accumulatedPrefix, sums) },
    outputs: { loss: ofWhole.value },
  };
}

/**
 * Forward and backward pass: the mean loss, its gradients by the trained parameters and by the logits, and what both
 * passes move.
 */
function backward({ network, learning, rows, forward }: Step, batch: Batch) {
  const { parameters } = splitModel(batch.state);
  const trained = trainedOf(parameters, learning.freeze);
  const names = Object.keys(trained);
  // A frozen backbone is a constant of the gradient
  const fixed = learning.freeze?.backbone ? forward(batch, parameters) : undefined;
  // The gradient by zeros that are added to the logits is the gradient by the logits, whatever the loss
  const zeros = tf.zeros([rows, batch.state[`${gradientPrefix}positive`]!.shape[0]!]);
  const { value, gradients, aux } = valueAndGradients(
    (added, ...values) => {
      const current = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
      const { features, statistics } = fixed ?? forward(batch, current);
      const logits = tf.add(network.head.apply(withoutPrefix(headPrefix, current), features), added) as tf.Tensor2D;
      const result = lossOf(learning.loss, batch, logits, batch.targets);
      const moved = { ...withPrefix(backbonePrefix, statistics), ...withPrefix(lossPrefix, result.aux) };
      return { value: result.value, aux: { logits, ...moved } };
    },
    [zeros, ...Object.values(trained)],
  );
  const [ofLogits, ...ofParameters] = gradients;
  return {
    value,
    gradients: Object.fromEntries(names.map((name, i) => [name, ofParameters[i]!])),
    ofLogits: ofLogits as tf.Tensor2D,
    logits: aux.logits as tf.Tensor2D,
    lossStatistics: withoutPrefix(lossPrefix, aux),
    batchStatistics: Object.fromEntries(Object.entries(aux).filter(([name]) => name.startsWith(backbonePrefix))),
  };
}

/** The mean loss of logits `[B, C]`, and the statistics of the loss after this step. */
function lossOf(loss: Loss, { state, inputs, mixing }: Batch, logits: tf.Tensor2D, targets: Targets) {
  const before = withoutPrefix(lossPrefix, state);
  const { mean, ...statistics } = forTargets(targets, mixing, labels => {
    const result = loss.apply(logits, labels, before, inputs.progress as tf.Scalar);
    return { ...result.state, mean: result.loss };
  });
  return { value: mean as tf.Scalar, aux: statistics };
}

/** Everything that a step changes but the batch statistics, by the names of the state. */
function update(
  { learning }: Step,
  { state, inputs, mixing }: Batch,
  of: {
    readonly gradients: Tensors;
    readonly ofLogits: tf.Tensor2D;
    readonly lossStatistics: Tensors;
    readonly batchStatistics: Tensors;
    readonly targets: Targets;
  },
): Tensors {
  const { optimizer, freeze, emaDecay = 0 } = learning;
  const trained = trainedOf(splitModel(state).parameters, freeze);
  const momenta = withoutPrefix(momentumPrefix, state);
  const stepped = optimizer.update(of.gradients, momenta, trained, inputs.learning_rate as tf.Scalar, inputs);
  const record = withoutPrefix(gradientPrefix, state);
  const recorded = forTargets(of.targets, mixing, labels => recordGradient(record, of.ofLogits, labels));
  const changed = {
    ...stepped.parameters,
    ...withPrefix(momentumPrefix, stepped.momenta),
    ...withPrefix(lossPrefix, of.lossStatistics),
    ...withPrefix(gradientPrefix, recorded),
  };
  if (emaDecay === 0) return changed;
  const moved = movedAverages(withoutPrefix(emaPrefix, state), { ...changed, ...of.batchStatistics }, emaDecay);
  return { ...changed, ...withPrefix(emaPrefix, moved) };
}

/** What `of` makes of the labels; with mixup, blended with what it makes of the partners' labels. */
function forTargets(
  [own, partners]: Targets,
  mixing: Mixing | undefined,
  of: (labels: tf.Tensor1D) => Tensors,
): Tensors {
  if (!mixing) return of(own);
  const [ofOwn, ofPartners] = [of(own), of(partners!)];
  return Object.fromEntries(
    Object.entries(ofOwn).map(([name, value]) => [name, blend(value, ofPartners[name]!, mixing.lambda)]),
  );
}
