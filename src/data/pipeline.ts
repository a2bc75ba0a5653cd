/** Batches of augmented images, prepared ahead of the training loop by worker threads. */
import type { Augmentation } from '../config/schema.js';
import { ConfigError, DataError } from '../errors.js';
import type { Dataset } from './dataset.js';
import { imageBytes } from './dataset.js';
import type { BatchJob, BatchRecipe } from './prepareBatch.js';
import { preparerOf, preparerOfAny } from './prepareBatch.js';
import { sharedBytes, sharedInt32 } from './sharedDataset.js';
import type { JobRunner } from './workerPool.js';
import { openWorkerPool, runInThisThread } from './workerPool.js';

/** The arrays of a batch are reused: they hold until the next batch is asked for. */
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

export interface PipelineOptions {
  readonly dataset: Dataset;
  readonly augment: readonly Augmentation[];
  readonly seed: number;
  readonly batchSize: number;
  /** Threads besides the main one; 0 prepares in the main thread, as does a dataset that is not in shared memory. */
  readonly workers: number;
  /** Batches to have ready or under way while one is in use; 2 per worker when left out. */
  readonly prefetch?: number;
  /** Whether the last batch of an epoch may be smaller; it is dropped when left out. */
  readonly keepPartial?: boolean;
}

export interface Pipeline {
  /**
   * Batches of one epoch in the given order of indices, from `startStep` on. Leaving
   * the loop early is fine; starting another epoch ends the one before. Rejects with `DataError` when a batch cannot be
   * prepared, with `ConfigError` when the order is shorter than one batch.
   */
  epoch(epoch: number, order: Int32Array, startStep?: number): AsyncIterableIterator<Batch>;
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
 * Starts the workers. What a batch holds depends on (seed, epoch, order, step) only, not on the number of workers.
 * Throws `ConfigError` when an augmentation does not work on the dataset's images.
 */
export function openPipeline({
  dataset,
  augment,
  seed,
  batchSize,
  workers,
  prefetch = 2 * Math.max(1, workers),
  keepPartial = false,
}: PipelineOptions): Pipeline {
  const { stored } = dataset;
  const runner = openRunner(dataset, { imageShape: dataset.imageShape, augment, seed }, workers);
  const free: Slot[] = Array.from({ length: prefetch + 1 }, () => ({
    images: sharedBytes(batchSize * imageBytes(dataset.imageShape)),
    labels: sharedInt32(batchSize),
    indices: sharedInt32(batchSize),
    draws: sharedInt32(batchSize),
  }));
  let current: { end(): void; wake(): void } | undefined;

  const release = (slot: Slot) => {
    free.push(slot);
    current?.wake();
  };

  async function* epoch(epoch: number, order: Int32Array, startStep = 0): AsyncIterableIterator<Batch> {
    const steps = (keepPartial ? Math.ceil : Math.floor)(order.length / batchSize);
    if (steps === 0 && !keepPartial) {
      throw new ConfigError(`One batch has ${batchSize} images, the training set only ${order.length}.`, {
        where: 'train.batch_size',
        next: `Set train.batch_size to at most ${order.length}.`,
      });
    }
    current?.end();
    const ahead: { readonly slot: Slot; readonly batch: Slot; readonly done: Promise<void> }[] = [];
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

    const draws = earlierUses(order, dataset.length);
    let next = startStep;
    const fillAhead = () => {
      while (next < steps && free.length > 0) {
        const slot = free.at(-1)!;
        const batch = fillIndices(slot, dataset, order, draws, next * batchSize);
        free.pop();
        next++;
        const locations = stored && Array.from(batch.indices, index => stored.locate(index));
        const done = runner.run({ epoch, indices: batch.indices, draws: batch.draws, images: batch.images, locations });
        done.catch(() => undefined); // whoever takes the batch sees the error
        ahead.push({ slot, batch, done });
      }
    };
    try {
      for (let step = startStep; step < steps; step++) {
        fillAhead();
        while (ahead.length === 0 && !ended) {
          // Every slot is still being written for an epoch that was left early.
          await new Promise<void>(resolve => {
            wake = resolve;
          });
          if (!ended) fillAhead();
        }
        await ahead[0]?.done;
        if (ended) throw epochEnded(epoch);
        const { slot, batch } = ahead.shift()!;
        held = slot;
        yield { step, ...batch };
        if (ended) throw epochEnded(epoch);
        release(held);
        held = undefined;
      }
    } finally {
      me.end();
    }
  }

  return { epoch, close: () => runner.close() };
}

/**
 * Every image once, in order and without augmentation; the last batch may be smaller. For evaluation. Images in files are
 * decoded by `workers` threads.
 */
export async function* readBatches(dataset: Dataset, batchSize: number, workers = 0): AsyncIterableIterator<Batch> {
  const options = { dataset, augment: [], seed: 0, batchSize, prefetch: Math.max(1, workers), keepPartial: true };
  const pipeline = openPipeline({ ...options, workers: dataset.stored === undefined ? 0 : workers });
  try {
    yield* pipeline.epoch(
      0,
      Int32Array.from({ length: dataset.length }, (_, i) => i),
    );
  } finally {
    await pipeline.close();
  }
}

function openRunner(dataset: Dataset, recipe: BatchRecipe, workers: number): JobRunner<BatchJob> {
  // Also with workers the preparer is made here: a wrong augmentation is an error here and now.
  const { shared, stored } = dataset;
  if (stored !== undefined) {
    const prepare = stored.preparerOf(recipe);
    if (workers === 0) return runInThisThread(prepare);
    return openWorkerPool(stored.worker, workers, { recipe, shortSide: stored.shortSide });
  }
  if (shared === undefined) return runInThisThread(preparerOfAny(dataset, recipe));
  const prepare = preparerOf(shared, recipe);
  if (workers === 0) return runInThisThread(prepare);
  return openWorkerPool(new URL('./pipelineWorker.js', import.meta.url), workers, { shared, recipe });
}

/** Writes indices and labels of the batch that begins at `start` of the order; returns the part of the slot it takes. */
function fillIndices(slot: Slot, dataset: Dataset, order: Int32Array, draws: Int32Array, start: number): Slot {
  const count = Math.min(slot.indices.length, order.length - start);
  for (let i = 0; i < count; i++) {
    const index = order[start + i]!;
    if (index < 0 || index >= dataset.length) {
      throw new RangeError(`Index ${index} is outside of ${dataset.name}, which has ${dataset.length} images.`);
    }
    slot.indices[i] = index;
    slot.draws[i] = draws[start + i]!;
    slot.labels[i] = dataset.label(index);
  }
  return {
    images: slot.images.subarray(0, count * imageBytes(dataset.imageShape)),
    labels: slot.labels.subarray(0, count),
    indices: slot.indices.subarray(0, count),
    draws: slot.draws.subarray(0, count),
  };
}

/** For each place in `order`, how often its index came before. */
function earlierUses(order: Int32Array, length: number): Int32Array {
  const uses = new Int32Array(length);
  return order.map(index => (index >= 0 && index < length ? uses[index]!++ : 0));
}

function epochEnded(epoch: number): DataError {
  return new DataError(`Epoch ${epoch} was ended by the start of another one.`, {
    where: 'data pipeline',
    next: 'Read one epoch at a time.',
  });
}
