/** What a loss is: a pure function, statistics in, statistics out (as an optax transformation). */
import type { Scalar, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import type { Tensors } from '../engine/program.js';
import type { HostTensors } from '../tensor.js';

export interface LossResult {
  /** Mean over the batch. */
  loss: Scalar;
  /** Logits that entered the cross-entropy, margins included, `[B, C]`. */
  logits: Tensor2D;
  /** Entries of the state that this step changes. */
  state: Tensors;
}

export interface Loss {
  readonly name: string;
  /** Initial statistics; part of the training state, saved and resumed. */
  init(classCounts: Int32Array): HostTensors;
  /** True where `apply` needs `progress`; a train step has the input `progress` for such a loss only. */
  readonly usesProgress?: boolean;
  /**
   * Loss of logits `[B, C]` for int32 labels `[B]` under the statistics of the steps before; `progress` [] is the fraction of
   * all epochs that was over when this one began.
   */
  apply(logits: Tensor2D, labels: Tensor1D, state: Tensors, progress?: Scalar): LossResult;
}
