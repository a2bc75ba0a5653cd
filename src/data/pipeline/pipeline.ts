/** Batches of augmented images, prepared ahead of the training loop by worker threads. */
import type { Augmentation } from '../../config/schema/data.js';
import { DataError } from '../../errors.js';
import { patienceSeconds } from '../../io/waiting.js';
import type { Dataset } from '../dataset.js';
import { imageBytes } from '../dataset.js';
import type { JobRunner } from '../workers/workerPool.js';
import { openWorkerPool, runInThisThread } from '../workers/workerPool.js';
import { type BlockSettings, type Plan, type Position, planBlocks } from './blockPlan.js';
import type { BatchJob, BatchRecipe } from './prepareBatch.js';
import { preparerOf, preparerOfAny } from './prepareBatch.js';
import { sharedBytes, sharedInt32 } from './sharedDataset.js';

/** The arrays of a batch are reused: they hold until the next one is asked for. */
export interface Batch {
  /** Number of the batch in its epoch, from 0. */
  readonly step: number;
  /** HWC bytes, image after image: [B, H, W, C]. */
  readonly images: Uint8Array;
  /** [B] */
  readonly labels: Int32Array;
  /** Index of each image in the dataset, [B]. */
  readonly indices: Int32Array;
}

/** `steps` batches of one epoch in a row, the first of them `step`: images [steps, B, H, W, C], labels and indices [steps, B]. */
export interface Block extends Batch {
  readonly epoch: number;
  readonly steps: number;
}

export interface PipelineOptions extends Omit<BlockSettings, 'stepsPerBlock' | 'keepPartial'> {
  readonly augment: readonly Augmentation[];
  readonly seed: number;
  /** 1 when left out. */
  readonly stepsPerBlock?: number;
  /** Threads besides the main one; 0 prepares in the main thread, as does a dataset that is not in shared memory. */
  readonly workers: number;
  /** Blocks to have ready or under way while one is in use; enough for 2 batches per worker when left out. */
  readonly prefetch?: number;
  /** False when left out. */
  readonly keepPartial?: boolean;
  /** Seconds to wait for one batch before it is given up; 0 = for ever. `patienceSeconds()` when left out. */
  readonly patience?: number;
}

export interface Pipeline {
  /**
   * All blocks from a position to the end of `lastEpoch`; those of the next epoch are prepared while the last ones of this
   * are in use. Leaving the loop early is fine; asking for blocks anew ends the iterator of before. Rejects with `DataError`
   * when a batch cannot be prepared, with `ConfigError` when an epoch is shorter than one batch.
   */
  blocks(from: Position, lastEpoch: number): AsyncIterableIterator<Block>;
  /** Ends the worker threads. */
  close(): Promise<void>;
}

interface Slot {
  readonly images: Uint8Array;
  readonly labels: Int32Array;
  readonly indices: Int32Array;
  readonly draws: Int32Array;
}

/**
 * Starts the workers. What a batch holds depends on (seed, epoch, order, step) only, neither on the number of workers nor on the
 * size of blocks. Throws `ConfigError` when an augmentation does not work on the dataset's images.
 */
export function openPipeline({
  dataset,
  augment,
  seed,
  batchSize,
  order,
  stepsPerBlock = 1,
  workers,
  prefetch = Math.ceil((2 * Math.max(1, workers)) / stepsPerBlock),
  keepPartial = false,
  patience = patienceSeconds(),
}: PipelineOptions): Pipeline {
  const { stored } = dataset;
  const runner = openRunner(dataset, { imageShape: dataset.imageShape, augment, seed }, workers);
  const batchBytes = batchSize * imageBytes(dataset.imageShape);
  const slots = takeSlots(prefetch + 1, stepsPerBlock * batchSize, stepsPerBlock * batchBytes);
  const free = [...slots];
  let current: { end(): void; wake(): void } | undefined;

  const release = (slot: Slot) => {
    free.push(slot);
    current?.wake();
  };
  /** Has the workers fill a slot; a job is one batch. */
  const prepare = async ({ images, indices, draws }: Slot, { epoch, steps }: Plan): Promise<void> => {
    const jobs = Array.from({ length: steps }, (_, i) => {
      const ofBatch = indices.subarray(i * batchSize, (i + 1) * batchSize);
      return runner.run({
        epoch,
        indices: ofBatch,
        draws: draws.subarray(i * batchSize, (i + 1) * batchSize),
        images: images.subarray(i * batchBytes, (i + 1) * batchBytes),
        locations: stored && Array.from(ofBatch, index => stored.locate(index)),
      });
    });
    const failed = (await Promise.allSettled(jobs)).find(({ status }) => status === 'rejected');
    if (failed) throw (failed as PromiseRejectedResult).reason;
  };

  async function* blocks(from: Position, lastEpoch: number): AsyncIterableIterator<Block> {
    current?.end();
    const plans = planBlocks({ dataset, order, batchSize, stepsPerBlock, keepPartial }, from, lastEpoch);
    const ahead: { readonly plan: Plan; readonly slot: Slot; readonly filled: Slot; readonly done: Promise<void> }[] =
      [];
    let held: Slot | undefined;
    let ended = false;
    let wake = () => {};
    const me = {
      end: () => {
        if (ended) return;
        ended = true;
        if (held !== undefined) release(held);
        for (const { slot, done } of ahead) {
          const whenWritten = () => release(slot);
          done.then(whenWritten, whenWritten);
        }
        wake();
      },
      wake: () => wake(),
    };
    current = me;

    let allPlanned = false;
    const fillAhead = () => {
      while (!allPlanned && free.length > 0) {
        const { value: plan, done: last } = plans.next();
        if (last) {
          allPlanned = true;
          return;
        }
        const slot = free.at(-1)!;
        const filled = fillIndices(slot, dataset, plan);
        free.pop();
        const done = prepare(filled, plan);
        done.catch(() => undefined); // whoever takes the block sees the error
        ahead.push({ plan, slot, filled, done });
      }
    };
    try {
      for (;;) {
        fillAhead();
        if (allPlanned && ahead.length === 0) return;
        while (ahead.length === 0 && !ended) {
          // Every slot is still being written for blocks that were left early.
          await new Promise<void>(resolve => {
            wake = resolve;
          });
          if (!ended) fillAhead();
        }
        await within(patience, ahead[0]?.done, () => batchNotReady(ahead[0]!.plan, patience));
        if (ended) throw blocksEnded(from);
        const { plan, slot, filled } = ahead.shift()!;
        held = slot;
        const { epoch, step, steps } = plan;
        yield { epoch, step, steps, ...filled };
        if (ended) throw blocksEnded(from);
        release(held);
        held = undefined;
      }
    } finally {
      me.end();
    }
  }

  const close = async () => {
    await runner.close();
    spare = slots;
  };
  return { blocks, close };
}

/**
 * Slots of the pipeline that was closed last, for one of the same size: every evaluation opens one, and V8, which does not count
 * shared memory, would keep the slots of many before it collects them.
 */
let spare: readonly Slot[] = [];

/** `count` slots for `images` images of `bytes` bytes in all. */
function takeSlots(count: number, images: number, bytes: number): readonly Slot[] {
  const [first] = spare;
  const fits = spare.length === count && first?.labels.length === images && first.images.length === bytes;
  const slots = fits
    ? spare
    : Array.from({ length: count }, () => ({
        images: sharedBytes(bytes),
        labels: sharedInt32(images),
        indices: sharedInt32(images),
        draws: sharedInt32(images),
      }));
  spare = [];
  return slots;
}

/**
 * Every image once, in order and without augmentation, in blocks of `stepsPerBlock` batches; the last batch may be smaller. For
 * evaluation. Images in files are decoded by `workers` threads.
 */
export async function* readBatches(
  dataset: Dataset,
  batchSize: number,
  workers = 0,
  stepsPerBlock = 1,
): AsyncIterableIterator<Block> {
  const pipeline = openPipeline({
    dataset,
    augment: [],
    seed: 0,
    batchSize,
    order: () => Int32Array.from({ length: dataset.length }, (_, i) => i),
    stepsPerBlock,
    prefetch: Math.max(1, Math.ceil(workers / stepsPerBlock)),
    keepPartial: true,
    workers: dataset.stored === undefined ? 0 : workers,
  });
  try {
    yield* pipeline.blocks({ epoch: 0, step: 0 }, 0);
  } finally {
    await pipeline.close();
  }
}

function openRunner(dataset: Dataset, recipe: BatchRecipe, workers: number): JobRunner<BatchJob> {
  // Also with workers the preparer is made here: a wrong augmentation is an error here and now.
  const { shared, stored } = dataset;
  if (stored !== undefined) {
    const { prepare, close } = stored.preparerOf(recipe);
    if (workers === 0) return runInThisThread(prepare, close);
    return openWorkerPool(stored.worker, workers, { recipe, shortSide: stored.shortSide });
  }
  if (shared === undefined) return runInThisThread(preparerOfAny(dataset, recipe));
  const prepare = preparerOf(shared, recipe);
  if (workers === 0) return runInThisThread(prepare);
  return openWorkerPool(new URL('./pipelineWorker.js', import.meta.url), workers, { shared, recipe });
}

/** Writes what a plan visits and its labels; returns the part of the slot that is taken. */
function fillIndices(slot: Slot, dataset: Dataset, { indices, draws }: Plan): Slot {
  for (const [i, index] of indices.entries()) {
    if (index < 0 || index >= dataset.length) {
      throw new RangeError(`Index ${index} is outside of ${dataset.name}, which has ${dataset.length} images.`);
    }
    slot.indices[i] = index;
    slot.draws[i] = draws[i]!;
    slot.labels[i] = dataset.label(index);
  }
  return {
    images: slot.images.subarray(0, indices.length * imageBytes(dataset.imageShape)),
    labels: slot.labels.subarray(0, indices.length),
    indices: slot.indices.subarray(0, indices.length),
    draws: slot.draws.subarray(0, indices.length),
  };
}

/** Waits for `done`, but no longer than `seconds`: a worker or a disk that hangs must not hang the training without a word. */
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
    next: 'See that the disk of the dataset answers. If it is only slow, set GALA_WATCHDOG_SECONDS to more (a batch is given up after ten times as long; 0 = never).',
  });
}

function blocksEnded({ epoch }: Position): DataError {
  return new DataError(`The batches from epoch ${epoch} on were ended: others were asked for.`, {
    where: 'data pipeline',
    next: 'Read one sequence of batches at a time.',
  });
}
