/**
 * What a loss is: a pure function, statistics in, statistics out (as an optax transformation), and what a config may
 * say of it.
 */
import type { z } from 'zod';
import type { Tensors } from '../engine/program.js';
import type * as trainingKernels from '../engine/trainingKernels.js';
import type { HostTensors } from '../tensor.js';
import type tf from '../tfjs.cjs';

interface LossResult {
  /** Mean over the batch. */
  loss: tf.Scalar;
  /** Logits that entered the cross-entropy, margins included, `[B, C]`. */
  logits: tf.Tensor2D;
  /** Entries of the state that this step changes. */
  state: Tensors;
}

export interface Loss {
  /** Initial statistics; part of the training state, saved and resumed. */
  init(classCounts: Int32Array): HostTensors;
  /** True where `apply` needs `progress`; a train step has the input `progress` for such a loss only. */
  readonly usesProgress?: boolean;
  /**
   * Loss of logits `[B, C]` for int32 labels `[B]` under the statistics of the steps before; `progress` [] is the
   * fraction of all epochs that was over when this one began.
   */
  apply(logits: tf.Tensor2D, labels: tf.Tensor1D, state: Tensors, progress?: tf.Scalar): LossResult;
}

/** What a loss computes with. A loss is given it, so that reading a config loads no tensor library. */
export interface Kernels extends Pick<typeof trainingKernels, 'sparseSoftmaxCrossEntropy' | 'sumByClass'> {
  readonly tf: typeof tf;
}

/** Values of the keys of a loss. */
export type OptionsOf<Keys extends z.ZodRawShape> = z.output<z.ZodObject<Keys>>;

export interface LossDefinition<Keys extends z.ZodRawShape = z.ZodRawShape> {
  /** One sentence for the docs and the editor. */
  readonly description: string;
  /** The keys below `loss` beside `name`, each with range, default and description. */
  readonly keys: Keys;
  /** Why the loss needs the cosine head; absent where any head will do. */
  readonly needsCosineHead?: string;
  /** What is different where a batch goes through the network in micro-batches; absent where nothing is. */
  readonly inMicroBatches?: string;
  /**
   * Keys that have no effect among these values, each with the reason. A value with a problem of its own is undefined.
   */
  withoutEffect?(options: Partial<OptionsOf<Keys>>): { readonly [K in keyof Keys]?: string };
  /** `scale` is the factor of the logits of a cosine head, 1 for any other head. */
  create(options: OptionsOf<Keys>, kernels: Kernels, scale: number): Loss;
}

/** Lets the compiler check a definition: the options of `create` are the values of its keys. */
export function defineLoss<Keys extends z.ZodRawShape>(definition: LossDefinition<Keys>): LossDefinition<Keys> {
  return definition;
}
