/** The contract of a backbone: pure functions over named parameters. */
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { Tensors } from '../engine/program.js';
import type { HostTensors } from '../tensor.js';

/** What every backbone takes beside its own options. */
export interface BackboneOptions {
  /** Channels of the input images. */
  readonly channels: number;
  /** Equal parts of a batch that batch normalisation treats separately; 1 when left out. */
  readonly batchNormParts?: number | undefined;
  /** Replaces ReLU: with the smooth activation of some tests, engines agree up to rounding. */
  readonly activation?: (x: Tensor4D) => Tensor4D;
}

export interface Backbone {
  /** Length of the pooled feature vector. */
  readonly featureSize: number;
  /**
   * Initial parameters and batch statistics, drawn from `seed`, under PyTorch's names. Filters are HWIO; all other
   * layouts are PyTorch's.
   */
  init(seed: number): { parameters: HostTensors; statistics: HostTensors };
  /**
   * Features `[B, featureSize]` of normalised images `[B, H, W, channels]`. In training, the batch statistics
   * normalise, and the resulting `statistics` are the updated running ones. Otherwise the running statistics normalise,
   * and the resulting `statistics` are empty.
   */
  apply(
    parameters: Tensors,
    statistics: Tensors,
    images: Tensor4D,
    training: boolean,
  ): { features: Tensor2D; statistics: Tensors };
}
