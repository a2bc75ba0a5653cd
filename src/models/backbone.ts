/** What a backbone is: pure functions over named parameters. */
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { Tensors } from '../engine/program.js';
import type { HostTensors } from '../tensor.js';

export interface Backbone {
  readonly name: string;
  /** Length of the pooled feature. */
  readonly featureSize: number;
  /**
   * Initial parameters and batch statistics, drawn from `seed`. Names are PyTorch's; layouts are the engine's: HWIO
   * convolutions, everything else as in PyTorch.
   */
  init(seed: number): { parameters: HostTensors; statistics: HostTensors };
  /**
   * Features `[B, featureSize]` of normalised images `[B, H, W, channels]`. In training, batch statistics normalise and
   * `statistics` in the result holds the updated running ones; else the running ones normalise and the result is empty.
   */
  apply(
    parameters: Tensors,
    statistics: Tensors,
    images: Tensor4D,
    training: boolean,
  ): { features: Tensor2D; statistics: Tensors };
}
