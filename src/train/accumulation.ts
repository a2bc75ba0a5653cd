/**
 * Gradient accumulation: a batch that is too large for the memory goes through the network in micro-batches of equal
 * size, each in one run of the program `train`. The gradients are summed, and the last run makes the step from their
 * mean. The statistics of the loss and the gradient record are computed from the whole batch, whose logits are kept
 * until then. So the step equals a step on the whole batch, with three exceptions, which treat each micro-batch
 * separately: batch normalisation (as in PyTorch), a loss that does not divide by its number of samples (LDAM with
 * DRW), and the partners of mixup.
 */
import type { Specs, Tensors } from '../engine/program.js';
import { type HostTensors, zeros } from '../tensor.js';
import tf from '../tfjs.cjs';

/** What the samples of a batch are to be taught. */
export interface Targets {
  /** Int32 `[B]`. */
  readonly labels: tf.Tensor1D;
  /** The labels of the partners, with mixup. */
  readonly partners?: tf.Tensor1D;
  /** The probabilities of the teachers `[B, C]`, with distillation. */
  readonly taught?: tf.Tensor2D;
}

/** The further input of the program `train`: 1 for the last micro-batch of a step, else 0. */
export const microSpecs: Specs = { last: { dtype: 'int32', shape: [] } };

// Names in the state: `sum.<parameter>`, and `logits` and the targets of the earlier micro-batches.
const sumPrefix = 'sum.';

/** Zero sums of the gradients, and zeros for the `rows` samples of all micro-batches of a step but the last. */
export function initialAccumulation(
  trained: HostTensors,
  { rows, classes, mixup, taught }: { rows: number; classes: number; mixup: boolean; taught: boolean },
): HostTensors {
  const labels = () => ({ dtype: 'int32' as const, shape: [rows], data: new Int32Array(rows) });
  return {
    ...Object.fromEntries(Object.entries(trained).map(([name, { shape }]) => [sumPrefix + name, zeros(shape)])),
    logits: zeros([rows, classes]),
    labels: labels(),
    ...(mixup && { partners: labels() }),
    ...(taught && { taught: zeros([rows, classes]) }),
  };
}

export interface MicroBatch {
  /** Gradients of its mean loss, by parameter. */
  readonly gradients: Tensors;
  /** `[b, C]`. */
  readonly logits: tf.Tensor2D;
  readonly targets: Targets;
  /** Whether this is the last micro-batch of the step, bool []. */
  readonly last: tf.Tensor;
  /** Micro-batches per step. */
  readonly count: number;
}

/**
 * Adds a micro-batch. After the last one of a step, `whole` is the batch and `mean` the mean of the gradients; before
 * that, they have no meaning. `state` has the new entries of the state; after the last micro-batch the sums are zero
 * again.
 */
export function accumulated(
  before: Tensors,
  { gradients, logits, targets, last, count }: MicroBatch,
): { whole: Targets & { logits: tf.Tensor2D }; mean: Tensors; state: Tensors } {
  const sums = Object.entries(gradients).map(
    ([name, gradient]) => [name, tf.add(before[sumPrefix + name]!, gradient)] as const,
  );
  const ofSamples: Tensors = { logits, ...targets };
  const joined = Object.fromEntries(
    Object.entries(ofSamples).map(([name, values]) => [name, tf.concat([before[name]!, values])]),
  );
  const rows = logits.shape[0];
  const later = Object.entries(joined).map(([name, all]) => {
    const begin = [rows, ...all.shape.slice(1).map(() => 0)];
    return [name, tf.slice(all, begin, [all.shape[0]! - rows, ...all.shape.slice(1)])] as const;
  });
  return {
    whole: joined as unknown as Targets & { logits: tf.Tensor2D },
    mean: Object.fromEntries(sums.map(([name, sum]) => [name, tf.div(sum, count)])),
    state: {
      ...Object.fromEntries(sums.map(([name, sum]) => [sumPrefix + name, tf.where(last, tf.zerosLike(sum), sum)])),
      ...Object.fromEntries(later),
    },
  };
}
