/** Which images each block of batches holds: the epochs' order cut into batches, and batches into blocks. */
import { ConfigError } from '../../errors.js';
import type { Dataset } from '../dataset.js';
import type { Sampler } from '../sampler.js';

/** A place in training: batch `step`, from 0, of `epoch`. */
export interface Position {
  readonly epoch: number;
  readonly step: number;
}

/** A block before its images: which ones it visits and how often each came before in its epoch. */
export interface Plan extends Position {
  readonly steps: number;
  readonly indices: Int32Array;
  readonly draws: Int32Array;
}

/** What the plan of an epoch depends on. */
export interface BlockSettings {
  readonly dataset: Dataset;
  readonly batchSize: number;
  /** Indices into the dataset that an epoch visits, in order. */
  readonly order: Sampler;
  /** Batches in a block; blocks begin at multiples of it, the last one of an epoch may be shorter. */
  readonly stepsPerBlock: number;
  /** Whether the last batch of an epoch may be smaller; it is dropped otherwise. */
  readonly keepPartial: boolean;
}

/**
 * The blocks from a position to the end of `lastEpoch`. Throws `ConfigError` when an epoch is shorter than one batch.
 */
export function* planBlocks(
  { dataset, order, batchSize, stepsPerBlock, keepPartial }: BlockSettings,
  from: Position,
  lastEpoch: number,
): Generator<Plan, undefined> {
  let { step } = from;
  for (let epoch = from.epoch; epoch <= lastEpoch; epoch++) {
    const visited = order(epoch);
    const draws = earlierUses(visited, dataset.length);
    const steps = (keepPartial ? Math.ceil : Math.floor)(visited.length / batchSize);
    if (steps === 0 && !keepPartial) {
      throw new ConfigError(`One batch has ${batchSize} images, the training set only ${visited.length}.`, {
        where: 'train.batch_size',
        next: `Set train.batch_size to at most ${visited.length}.`,
      });
    }
    while (step < steps) {
      const end = Math.min(steps, step - (step % stepsPerBlock) + stepsPerBlock);
      const [first, last] = [step * batchSize, end * batchSize];
      const [indices, itsDraws] = [visited.subarray(first, last), draws.subarray(first, last)];
      yield { epoch, step, steps: end - step, indices, draws: itsDraws };
      step = end;
    }
    step = 0;
  }
}

/** For each place in `order`, how often its index came before. */
function earlierUses(order: Int32Array, length: number): Int32Array {
  const uses = new Int32Array(length);
  return order.map(index => (index >= 0 && index < length ? uses[index]!++ : 0));
}
