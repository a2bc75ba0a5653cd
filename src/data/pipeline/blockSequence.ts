/**
 * What a pipeline prepares next: the blocks of one sequence, in order, as many ahead of the reader as there are free
 * slots.
 */
import { DataError } from '../../errors.js';
import type { Dataset } from '../dataset.js';
import { imageBytes } from '../imageShape.js';
import type { Plan, Position } from './blockPlan.js';
import type { Slot, Slots } from './slots.js';

/** The arrays of a batch are reused: they hold until the next one is asked for. */
interface Batch {
  /** Number of the batch in its epoch, from 0. */
  readonly step: number;
  /** HWC bytes, image after image: [B, H, W, C]. */
  readonly images: Uint8Array;
  /** [B] */
  readonly labels: Int32Array;
  /** Index of each image in the dataset, [B]. */
  readonly indices: Int32Array;
}

/**
 * `steps` batches of one epoch in a row, the first of them `step`: images [steps, B, H, W, C], labels and indices
 * [steps, B].
 */
export interface Block extends Batch {
  readonly epoch: number;
  readonly steps: number;
}

/** What a sequence is made of. */
interface SequenceOptions {
  readonly dataset: Dataset;
  /** The first block begins here. */
  readonly from: Position;
  readonly plans: Iterator<Plan, undefined>;
  readonly slots: Slots;
  /** Writes the images of a plan to `filled`, whose labels and indices are written already. */
  prepare(filled: Slot, plan: Plan): Promise<void>;
  /** Seconds to wait for one block; 0 = for ever. */
  readonly patience: number;
}

/** A block under way or ready. */
interface Ahead {
  readonly plan: Plan;
  /** The slot as it was lent. */
  readonly slot: Slot;
  /** The part of it that the block takes. */
  readonly filled: Slot;
  readonly done: Promise<void>;
}

export class BlockSequence {
  readonly #options: SequenceOptions;
  /** Blocks under way, the next one first. */
  readonly #ahead: Ahead[] = [];
  /** The slot of the block that the reader has. */
  #inUse: Slot | undefined;
  #allPlanned = false;
  #ended = false;

  constructor(options: SequenceOptions) {
    this.#options = options;
  }

  /** The blocks. Rejects with what a block failed with, and with `DataError` once the sequence was ended. */
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

  /** Gives every slot back, those that workers still write to when they have done so. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const { slots } = this.#options;
    this.#giveBackInUse();
    for (const { slot, done } of this.#ahead) {
      const whenWritten = () => slots.giveBack(slot);
      done.then(whenWritten, whenWritten);
    }
    slots.wake(); // a reader that waits for a slot learns that the sequence is over
  }

  /** The next block once it is ready; undefined after the last. */
  async #next(): Promise<Ahead | undefined> {
    const { slots, patience } = this.#options;
    this.#fillAhead();
    while (this.#ahead.length === 0 && !this.#allPlanned && !this.#ended) {
      await slots.changed(); // every slot is still being written for a sequence that was left early
      if (!this.#ended) this.#fillAhead();
    }
    const [first] = this.#ahead;
    if (first === undefined && !this.#ended) return undefined;
    if (first !== undefined) await within(patience, first.done, () => batchNotReady(first.plan, patience));
    this.#requireNotEnded();
    return this.#ahead.shift();
  }

  /** Has blocks prepared while there are plans and free slots. */
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
      done.catch(() => undefined); // whoever takes the block sees the error
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

function requireIndices({ indices }: Plan, dataset: Dataset): void {
  const wrong = indices.find(index => index < 0 || index >= dataset.length);
  if (wrong === undefined) return;
  throw new RangeError(`Index ${wrong} is outside of ${dataset.name}, which has ${dataset.length} images.`);
}

/** Writes what a plan visits and its labels; returns the part of the slot that is taken. */
function fillIndices(slot: Slot, dataset: Dataset, { indices, draws }: Plan): Slot {
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
 * Waits for `done`, but no longer than `seconds`: a worker or a disk that hangs must not hang the training without a
 * word.
 */
async function within(seconds: number, done: Promise<void> | undefined, late: () => DataError): Promise<void> {
  if (seconds === 0) return done;
  let timer: NodeJS.Timeout | undefined;
  let looks = 0;
  const lateness = new Promise<never>((_, reject) => {
    // Ten looks instead of one: an hour in which this process was stopped (Ctrl-Z) counts as a single one.
    timer = setInterval(() => ++looks === 10 && reject(late()), 100 * seconds);
  });
  try {
    await Promise.race([done, lateness]);
  } finally {
    clearInterval(timer);
  }
}

function batchNotReady({ epoch, step }: Position, seconds: number): DataError {
  return new DataError(`A batch was not ready after ${seconds} seconds, so it is given up.`, {
    where: `batch ${step + 1} of epoch ${epoch}`,
    next:
      'See that the disk of the dataset answers. If it is only slow, set GALA_WATCHDOG_SECONDS to more (a ' +
      'batch is given up after ten times as long; 0 = never).',
  });
}

function blocksEnded({ epoch }: Position): DataError {
  return new DataError(`The batches from epoch ${epoch} on were ended: others were asked for.`, {
    where: 'data pipeline',
    next: 'Read one sequence of batches at a time.',
  });
}
