/**
 * The exponential moving average of the weights over the steps (`train.ema_decay`). Evaluation and export take the
 * averages; training goes on from the weights themselves. PyTorch's counterpart is
 * `torch.optim.swa_utils.AveragedModel` with `get_ema_multi_avg_fn` and `use_buffers=True`, but here the average begins
 * with the weights before the first step.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensors } from '../engine/program.js';

/** `ema ← ema + (1 − decay) · (now − ema)` for each entry of `before`, both by the names of the model. */
export function movedAverages(before: Tensors, now: Tensors, decay: number): Tensors {
  return Object.fromEntries(
    Object.entries(before).map(([name, average]) => [
      name,
      tf.add(average, tf.mul(tf.sub(now[name]!, average), 1 - decay)),
    ]),
  );
}
