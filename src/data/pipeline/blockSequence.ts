/** Prepares the blocks of one sequence in order, as many ahead of the reader as there are free slots. */
import { DataError } from '../../errors.js';
import { type Dataset, imageBytes } from '../dataset.js';
import type { BlockPlan, Position } from './blockPlan.js';
import type { Slot, Slots } from './slots.js';

/** Consecutive batches of one epoch. The arrays are reused when the caller asks for the next block. */
export interface Block {
  readonly epoch: number;
  /** Number of the first batch in its epoch, from 0. */
  readonly step: number;
  /** Number of batches. */
  readonly steps: number;
  /** HWC bytes, [steps, B, H, W, C]. */
  readonly images: Uint8Array;
  /** [steps, B] */
  readonly labels: Int32Array;
  /** Index of each image in the dataset, [steps, B]. */
  readonly indices: Int32Array;
}

interface SequenceOptions {
  readonly dataset: Dataset;
  /** The first block begins here. */
  readonly from: Position;
  readonly plans: Iterator<BlockPlan, undefined>;
  readonly slots: Slots;
  /** Writes the images of a plan to `filled`, which has the labels and indices already. */
  prepare(filled: Slot, plan: BlockPlan): Promise<void>;
  /** Seconds to wait for one block; 0 = forever. */
  readonly patience: number;
}

/** A block that is ready or being prepared. */
interface Ahead {
  readonly plan: BlockPlan;
  readonly slot: Slot;
  /** The part of the slot that the block needs. */
  readonly filled: Slot;
  readonly done: Promise<void>;
}

export class BlockSequence {
  readonly #options: SequenceOptions;
  /** The next block first. */
  readonly #ahead: Ahead[] = [];
  /** The slot of the block that the reader uses. */
  #inUse: Slot | undefined;
  #allPlanned = false;
  #ended = false;

  constructor(options: SequenceOptions) {
    this.#options = options;
  }

  /** The blocks. Rejects with the error of a block, and with `DataError` after `end`. */
  async *read(): AsyncGenerator<Block, void> {
    try {
      for (let next = await this.#next(); next !== undefined; next = await this.#next()) {
        const { epoch, step, steps } = next.plan;
        this.#inUse = next.slot;
        yield { epoch, step, steps, ...next.filled };
        this.#requireNotEnded();
        this.#giveBackInUse();
      }
    } finally {
      this.end();
    }
  }

  /** Returns all slots, each after the workers have finished with it. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const { slots } = this.#options;
    this.#giveBackInUse();
    for (const { slot, done } of this.#ahead) {
      const whenWritten = () => slots.giveBack(slot);
      done.then(whenWritten, whenWritten);
    }
    slots.wake(); // a reader that waits for a slot must see the end
  }

  /** The next block once it is ready; undefined after the last. */
  async #next(): Promise<Ahead | undefined> {
    const { slots, patience } = this.#options;
    this.#fillAhead();
    while (this.#ahead.length === 0 && !this.#allPlanned && !this.#ended) {
      await slots.changed(); // workers still write all slots, for an earlier sequence
      if (!this.#ended) this.#fillAhead();
    }
    const [first] = this.#ahead;
    if (first === undefined && !this.#ended) return undefined;
    if (first !== undefined) await within(patience, first.done, () => batchNotReady(first.plan, patience));
    this.#requireNotEnded();
    return this.#ahead.shift();
  }

  /** Starts to prepare blocks while there are plans and free slots. */
  #fillAhead(): void {
    const { dataset, plans, slots, prepare } = this.#options;
    while (!this.#allPlanned && slots.hasFree) {
      const { value: plan } = plans.next();
      if (plan === undefined) {
        this.#allPlanned = true;
        return;
      }
      requireIndices(plan, dataset);
      const slot = slots.take();
      const filled = fillIndices(slot, dataset, plan);
      const done = prepare(filled, plan);
      done.catch(() => undefined); // `#next` throws the error when it comes to this block
      this.#ahead.push({ plan, slot, filled, done });
    }
  }

  #giveBackInUse(): void {
    if (this.#inUse !== undefined) this.#options.slots.giveBack(this.#inUse);
    this.#inUse = undefined;
  }

  #requireNotEnded(): void {
    if (this.#ended) throw blocksEnded(this.#options.from);
  }
}

function requireIndices({ indices }: BlockPlan, dataset: Dataset): void {
  const wrong = indices.find(index => index < 0 || index >= dataset.length);
  if (wrong === undefined) return;
  throw new RangeError(`Index ${wrong} is outside of ${dataset.name}, which has ${dataset.length} images.`);
}

/** Writes the indices and labels of a plan; returns the part of the slot that the plan needs. */
function fillIndices(slot: Slot, dataset: Dataset, { indices, draws }: BlockPlan): Slot {
  slot.indices.set(indices);
  slot.draws.set(draws);
  for (const [i, index] of indices.entries()) slot.labels[i] = dataset.label(index);
  return {
    images: slot.images.subarray(0, indices.length * imageBytes(dataset.imageShape)),
    labels: slot.labels.subarray(0, indices.length),
    indices: slot.indices.subarray(0, indices.length),
    draws: slot.draws.subarray(0, indices.length),
  };
}

/**
 * Waits for `done`, but no longer than `seconds`: a worker or a disk that hangs must not silently stop the training.
 */
async function within(seconds: number, done: Promise<void> | undefined, late: () => DataError): Promise<void> {
  if (seconds === 0) return done;
  let timer: NodeJS.Timeout | undefined;
  let ticks = 0;
  const lateness = new Promise<never>((_, reject) => {
    // Ten ticks instead of one timer: if this process is stopped (Ctrl-Z) for an hour, this counts as one tick.
    timer = setInterval(() => ++ticks === 10 && reject(late()), 100 * seconds);
  });
  try {
    await Promise.race([done, lateness]);
  } finally {
    clearInterval(timer);
  }
}

function batchNotReady({ epoch, step }: Position, seconds: number): DataError {
  return new DataError(`A batch was not ready after ${seconds} seconds.`, {
    where: `batch ${step + 1} of epoch ${epoch}`,
    next:
      'Check that the disk of the dataset answers. If it is only slow, raise GALA_WATCHDOG_SECONDS: gala waits ten ' +
      'times as long for a batch; 0 = forever.',
  });
}

function blocksEnded({ epoch }: Position): DataError {
  return new DataError(`The batches from epoch ${epoch} on ended, because other batches were requested.`, {
    where: 'data pipeline',
    next: 'Read one sequence of batches at a time.',
  });
}
