/** The train step: one program over the state, from images, or from features where the backbone is fixed. */
import * as tf from '@tensorflow/tfjs';
import type { Program, Tensors } from '../engine/program.js';
import { accumulated, microSpecs, type Targets } from './accumulation.js';
import { recordGradient } from './gradientRecord.js';
import { blend, type Mixing, mixingOf, mixRows, mixupSpecs } from './mixup.js';
import { type Forward, featureSpec, featuresOf, imageSpec, type Network, normalized } from './network.js';
import {
  accumulatedPrefix,
  backbonePrefix,
  emaPrefix,
  gradientPrefix,
  headPrefix,
  type Learning,
  lossPrefix,
  momentumPrefix,
  splitModel,
  trainedOf,
  withoutPrefix,
  withPrefix,
} from './state.js';
import { movedAverages } from './weightAverage.js';

/**
 * One step of SGD on `images` uint8 `[B, H, W, channels]` and `labels` int32 `[B]` at `learning_rate` [], for a loss with a
 * schedule also at `progress` []: output `loss` [], the batch mean before the update. With mixup, statistics of the loss and
 * the gradient record are blended like the loss: they are sums over samples, of which each counts λ for its own class. With
 * `accumulate` the program takes one micro-batch of B / accumulate images at a time; see `accumulation.ts`.
 */
export function trainProgram(network: Network, learning: Learning, batchSize: number): Program {
  return stepFrom('images', network, learning, batchSize, learning.accumulate ?? 1);
}

/** The same step on `features` `[B, featureSize]` of a backbone that is frozen with its statistics. */
export function classifierProgram(network: Network, learning: Learning, batchSize: number): Program {
  return stepFrom('features', network, learning, batchSize, 1);
}

function stepFrom(
  from: 'images' | 'features',
  network: Network,
  learning: Learning,
  batchSize: number,
  accumulate: number,
): Program {
  const { loss, optimizer, mixup, freeze, emaDecay = 0 } = learning;
  const rows = batchSize / accumulate;
  return {
    inputs: {
      ...(from === 'images' ? imageSpec(network, rows) : featureSpec(network, rows)),
      labels: { dtype: 'int32', shape: [rows] },
      learning_rate: { dtype: 'float32', shape: [] },
      ...(loss.usesProgress && { progress: { dtype: 'float32', shape: [] } as const }),
      ...(mixup && mixupSpecs(rows)),
      ...(accumulate > 1 && microSpecs),
    },
    apply: (state, inputs) => {
      const { parameters, statistics } = splitModel(state);
      const trained = trainedOf(parameters, freeze);
      const names = Object.keys(trained);
      const mixing = mixup ? mixingOf(inputs) : undefined;
      const labels = inputs.labels as tf.Tensor1D;
      const targets: Targets = mixing ? [labels, tf.gather(labels, mixing.index)] : [labels];
      const record = withoutPrefix(gradientPrefix, state);

      // ------------------------------------------------ forward: images → features
      const forward = (weights: Tensors): Forward => {
        if (from === 'features') return { features: inputs.features as tf.Tensor2D, statistics: {} };
        const unmixed = normalized(inputs.images as tf.Tensor4D, network);
        const images = mixing ? mixRows(unmixed, mixing) : unmixed;
        return featuresOf(network, weights, statistics, images, !freeze?.batch_stats);
      };
      // A frozen backbone is a constant of the gradient.
      const fixed = freeze?.backbone ? forward(parameters) : undefined;

      // ------------------------------------------------ loss: logits → scalar, and new statistics of the loss
      let lossState: Tensors = {};
      const lossOfLogits = (logits: tf.Tensor2D, among: Targets): tf.Scalar => {
        const before = withoutPrefix(lossPrefix, state);
        const { mean, ...statisticsOfLoss } = forTargets(among, mixing, target => {
          const result = loss.apply(logits, target, before, inputs.progress as tf.Scalar);
          return { ...result.state, mean: result.loss };
        });
        lossState = kept(statisticsOfLoss);
        return mean as tf.Scalar;
      };

      // ------------------------------------------------ gradients of the parameters, and of zeros added to the logits: theirs, whatever the loss
      const probe = tf.zeros([rows, record.positive!.shape[0]!]);
      let updatedStatistics: Tensors = {};
      let logits: tf.Tensor2D | undefined;
      const lossOf = (added: tf.Tensor, ...values: tf.Tensor[]) => {
        const current = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
        const { features, statistics: moved } = fixed ?? forward(current);
        updatedStatistics = kept(moved);
        logits = tf.add(network.head.apply(withoutPrefix(headPrefix, current), features), added) as tf.Tensor2D;
        tf.keep(logits);
        return lossOfLogits(logits, targets);
      };
      const { value, grads } = tf.valueAndGrads(lossOf)([probe, ...Object.values(trained)]);
      const [ofLogits, ...ofParameters] = grads;
      const gradients = Object.fromEntries(names.map((name, i) => [name, ofParameters[i]!]));

      // ------------------------------------------------ update: everything that a step changes but batch statistics
      const stepBy = (mean: Tensors, gradientOfLogits: tf.Tensor2D, among: Targets): Tensors => {
        const momenta = withoutPrefix(momentumPrefix, state);
        const updated = optimizer.update(mean, momenta, trained, inputs.learning_rate as tf.Scalar);
        const recorded = forTargets(among, mixing, target => recordGradient(record, gradientOfLogits, target));
        return {
          ...updated.parameters,
          ...withPrefix(momentumPrefix, updated.momenta),
          ...withPrefix(lossPrefix, lossState),
          ...withPrefix(gradientPrefix, recorded),
        };
      };
      const ofStatistics = withPrefix(backbonePrefix, updatedStatistics);
      const withAverages = (changed: Tensors): Tensors => {
        if (emaDecay === 0) return changed;
        const moved = movedAverages(withoutPrefix(emaPrefix, state), { ...changed, ...ofStatistics }, emaDecay);
        return { ...changed, ...withPrefix(emaPrefix, moved) };
      };
      if (accumulate === 1) {
        const changed = withAverages(stepBy(gradients, ofLogits as tf.Tensor2D, targets));
        return { state: { ...changed, ...ofStatistics }, outputs: { loss: value } };
      }

      // ------------------------------------------------ a micro-batch: the whole batch is stepped by with the last one
      const last = tf.greater(inputs.last!, 0);
      const gathering = { gradients, logits: logits!, targets, last, count: accumulate };
      const { whole, mean, state: gathered } = accumulated(withoutPrefix(accumulatedPrefix, state), gathering);
      const ofWhole = tf.valueAndGrad(z => lossOfLogits(z as tf.Tensor2D, whole.targets))(whole.logits);
      const changed = Object.entries(withAverages(stepBy(mean, ofWhole.grad as tf.Tensor2D, whole.targets)));
      return {
        state: {
          ...Object.fromEntries(changed.map(([name, now]) => [name, tf.where(last, now, state[name]!)])),
          ...ofStatistics,
          ...withPrefix(accumulatedPrefix, gathered),
        },
        outputs: { loss: ofWhole.value },
      };
    },
  };
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

/** Tensors made inside a gradient function that outlive it. */
function kept(tensors: Tensors): Tensors {
  for (const tensor of Object.values(tensors)) tf.keep(tensor);
  return tensors;
}
