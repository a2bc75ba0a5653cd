/** Plans blocks: divides the order of each epoch into batches, and batches into blocks. */
import type { Dataset } from '../dataset.js';
import type { Sampler } from '../sampler.js';
import { requireWholeBatch } from '../trainingSet.js';

/** A position in training: batch `step`, from 0, of `epoch`. */
export interface Position {
  readonly epoch: number;
  readonly step: number;
}

/** The images of a block. */
export interface BlockPlan extends Position {
  /** Number of batches. */
  readonly steps: number;
  readonly indices: Int32Array;
  /** How often the epoch used each image before. */
  readonly draws: Int32Array;
}

/** What the blocks of an epoch depend on. */
export interface BlockSettings {
  readonly dataset: Dataset;
  readonly batchSize: number;
  /** The indices that an epoch visits, in order. */
  readonly order: Sampler;
  /** Batches of a block. Blocks begin at multiples of it; the last block of an epoch may be shorter. */
  readonly stepsPerBlock: number;
  /** Whether an incomplete last batch of an epoch is kept. */
  readonly keepPartial: boolean;
}

/** The blocks from a position to the end of `lastEpoch`. Throws `ConfigError` when an epoch has no whole batch. */
export function* planBlocks(
  { dataset, order, batchSize, stepsPerBlock, keepPartial }: BlockSettings,
  from: Position,
  lastEpoch: number,
): Generator<BlockPlan, undefined> {
  let { step } = from;
  for (let epoch = from.epoch; epoch <= lastEpoch; epoch++) {
    const visited = order(epoch);
    const draws = earlierUses(visited, dataset.length);
    const steps = (keepPartial ? Math.ceil : Math.floor)(visited.length / batchSize);
    if (!keepPartial) requireWholeBatch(visited.length, batchSize);
    while (step < steps) {
      const end = Math.min(steps, step - (step % stepsPerBlock) + stepsPerBlock);
      const range = [step * batchSize, end * batchSize] as const;
      yield { epoch, step, steps: end - step, indices: visited.subarray(...range), draws: draws.subarray(...range) };
      step = end;
    }
    step = 0;
  }
}

/** For each entry of `order`, how often its index occurs before. */
function earlierUses(order: Int32Array, length: number): Int32Array {
  const uses = new Int32Array(length);
  return order.map(index => (index >= 0 && index < length ? uses[index]!++ : 0));
}
