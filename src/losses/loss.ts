/**
 * The contract of a loss: a pure function from statistics to new statistics (like an optax transformation), and the
 * keys that a config may set.
 */
import type { z } from 'zod';
import type { Tensors } from '../engine/program.js';
import type * as trainingKernels from '../engine/trainingKernels.js';
import type { HostTensors } from '../tensor.js';
import type tf from '../tfjs.cjs';

interface LossResult {
  /** Mean over the batch. */
  loss: tf.Scalar;
  /** The statistics that this step changes. */
  state: Tensors;
}

export interface Loss {
  /** Initial statistics; part of the training state, saved and resumed. */
  init(classCounts: Int32Array): HostTensors;
  /** True if `apply` needs `progress`; only then the training step has this input. */
  readonly usesProgress?: boolean;
  /**
   * The loss of logits `[B, C]` and int32 labels `[B]`, with the statistics of the earlier steps. `progress` [] is the
   * fraction of all epochs that was over at the start of this epoch.
   */
  apply(logits: tf.Tensor2D, labels: tf.Tensor1D, state: Tensors, progress?: tf.Scalar): LossResult;
}

/** The functions with which a loss computes. They are parameters, so that reading a config loads no tensor library. */
export interface Kernels extends Pick<typeof trainingKernels, 'sparseSoftmaxCrossEntropy' | 'sumByClass'> {
  readonly tf: typeof tf;
}

/** Values of the keys of a loss. */
export type OptionsOf<Keys extends z.ZodRawShape> = z.output<z.ZodObject<Keys>>;

export interface LossDefinition<Keys extends z.ZodRawShape = z.ZodRawShape> {
  /** One sentence for the docs and the editor. */
  readonly description: string;
  /** The keys of `loss` other than `name`, each with range, default and description. */
  readonly keys: Keys;
  /** Why the loss needs the cosine head; absent if it works with any head. */
  readonly needsCosineHead?: string;
  /** How the loss differs with micro-batches (`train.accumulate`); absent if it does not. */
  readonly inMicroBatches?: string;
  /** The keys that have no effect with these values, each with the reason. An invalid value is undefined here. */
  withoutEffect?(options: Partial<OptionsOf<Keys>>): { readonly [K in keyof Keys]?: string };
  /** `scale` is the factor of the logits of a cosine head, 1 for any other head. */
  create(options: OptionsOf<Keys>, kernels: Kernels, scale: number): Loss;
}

/** Returns the definition; the compiler then knows the options of `create` from `keys`. */
export function defineLoss<Keys extends z.ZodRawShape>(definition: LossDefinition<Keys>): LossDefinition<Keys> {
  return definition;
}
