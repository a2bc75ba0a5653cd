/**
 * Gradient accumulation: a step whose batch is too large for the memory goes through the network in micro-batches of
 * equal size, one run of the train program each. The gradients are added up, and the last run makes the step by their
 * mean. Statistics of the loss and the gradient record are of the whole batch: its logits are kept until then. So a
 * step equals that of the whole batch, up to two things: batch normalisation takes each micro-batch by itself (as in
 * PyTorch), and so does a loss that divides by something other than the number of its samples (LDAM with DRW).
 */
import type { Specs, Tensors } from '../engine/program.js';
import { type HostTensors, zeros } from '../tensor.js';
import tf from '../tfjs.cjs';

/** Labels int32 `[B]`; with mixup also those of the partners. */
export type Targets = readonly [tf.Tensor1D] | readonly [tf.Tensor1D, tf.Tensor1D];

/** What the train program takes besides: 1 with the last micro-batch of a step, else 0. */
export const microSpecs: Specs = { last: { dtype: 'int32', shape: [] } };

// Names of the state: `sum.<parameter>`, and of the micro-batches before this one `logits`, `labels`, `partners`.
const sumPrefix = 'sum.';

/**
 * Zero sums of the gradients, and room for what `rows` samples of a batch, all but the last micro-batch, leave behind.
 */
export function initialAccumulation(
  trained: HostTensors,
  { rows, classes, mixup }: { readonly rows: number; readonly classes: number; readonly mixup: boolean },
): HostTensors {
  const labels = () => ({ dtype: 'int32' as const, shape: [rows], data: new Int32Array(rows) });
  return {
    ...Object.fromEntries(Object.entries(trained).map(([name, { shape }]) => [sumPrefix + name, zeros(shape)])),
    logits: zeros([rows, classes]),
    labels: labels(),
    ...(mixup && { partners: labels() }),
  };
}

export interface MicroBatch {
  /** Of its mean loss, by parameter. */
  readonly gradients: Tensors;
  /** `[b, C]`. */
  readonly logits: tf.Tensor2D;
  readonly targets: Targets;
  /** bool []. */
  readonly last: tf.Tensor;
  /** Micro-batches of a step. */
  readonly count: number;
}

/**
 * Adds a micro-batch. With the last one of a step, `whole` is the batch and `mean` the mean of the gradients; before
 * that they are of no meaning. `state` is what is to be kept: sums are zero again after the last.
 */
export function accumulated(
  before: Tensors,
  { gradients, logits, targets, last, count }: MicroBatch,
): { whole: { logits: tf.Tensor2D; targets: Targets }; mean: Tensors; state: Tensors } {
  const sums = Object.entries(gradients).map(
    ([name, gradient]) => [name, tf.add(before[sumPrefix + name]!, gradient)] as const,
  );
  const joined = {
    logits: tf.concat([before.logits!, logits]),
    labels: tf.concat([before.labels!, targets[0]]),
    ...(targets[1] && { partners: tf.concat([before.partners!, targets[1]]) }),
  };
  const rows = logits.shape[0];
  const later = Object.entries(joined).map(([name, all]) => {
    const begin = [rows, ...all.shape.slice(1).map(() => 0)];
    return [name, tf.slice(all, begin, [all.shape[0]! - rows, ...all.shape.slice(1)])] as const;
  });
  return {
    whole: {
      logits: joined.logits as tf.Tensor2D,
      targets: (targets[1] ? [joined.labels, joined.partners] : [joined.labels]) as unknown as Targets,
    },
    mean: Object.fromEntries(sums.map(([name, sum]) => [name, tf.div(sum, count)])),
    state: {
      ...Object.fromEntries(sums.map(([name, sum]) => [sumPrefix + name, tf.where(last, tf.zerosLike(sum), sum)])),
      ...Object.fromEntries(later),
    },
  };
}
