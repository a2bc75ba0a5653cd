/** Batches of augmented images, prepared ahead of the training loop by worker threads. */

import { patienceSeconds } from '../../io/waiting.js';
import type { Augmentation } from '../augment/names.js';
import type { Dataset } from '../dataset.js';
import { imageBytes } from '../imageShape.js';
import { type JobRunner, openWorkerPool, runInThisThread } from '../workers/workerPool.js';
import type { BatchJob, BatchRecipe } from './batchJob.js';
import { type BlockSettings, type Plan, type Position, planBlocks } from './blockPlan.js';
import { type Block, BlockSequence } from './blockSequence.js';
import { preparerOf, preparerOfAny } from './prepareBatch.js';
import { type Slot, Slots } from './slots.js';

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
   * All blocks from a position to the end of `lastEpoch`; those of the next epoch are prepared while the last ones of
   * this are in use. Leaving the loop early is fine; asking for blocks anew ends the iterator of before. Rejects with
   * `DataError` when a batch cannot be prepared, with `ConfigError` when an epoch is shorter than one batch.
   */
  blocks(from: Position, lastEpoch: number): AsyncIterableIterator<Block>;
  /** Ends the worker threads. */
  close(): Promise<void>;
}

/**
 * Starts the workers. What a batch holds depends on (seed, epoch, order, step) only, neither on the number of workers
 * nor on the size of blocks. Throws `ConfigError` when an augmentation does not work on the dataset's images.
 */
export function openPipeline({
  augment,
  seed,
  workers,
  stepsPerBlock = 1,
  prefetch = Math.ceil((2 * Math.max(1, workers)) / stepsPerBlock),
  keepPartial = false,
  patience = patienceSeconds(),
  ...given
}: PipelineOptions): Pipeline {
  const { dataset, batchSize } = given;
  const settings: BlockSettings = { ...given, stepsPerBlock, keepPartial };
  const runner = openRunner(dataset, { imageShape: dataset.imageShape, augment, seed }, workers);
  const images = stepsPerBlock * batchSize;
  const slots = new Slots(prefetch + 1, images, images * imageBytes(dataset.imageShape));
  const reading: { sequence?: BlockSequence } = {};
  return {
    blocks: (from, lastEpoch) => {
      reading.sequence?.end();
      reading.sequence = new BlockSequence({
        ...{ dataset, from, slots, patience },
        plans: planBlocks(settings, from, lastEpoch),
        prepare: (filled, plan) => prepareBlock(runner, settings, filled, plan),
      });
      return reading.sequence.read();
    },
    close: async () => {
      await runner.close();
      slots.keepForNext();
    },
  };
}

/**
 * Every image once, in order and without augmentation, in blocks of `stepsPerBlock` batches; the last batch may be
 * smaller. For evaluation. Images in files are decoded by `workers` threads.
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

/** Has the workers fill a slot; a job is one batch. */
async function prepareBlock(
  runner: JobRunner<BatchJob>,
  { dataset, batchSize }: BlockSettings,
  { images, indices, draws }: Slot,
  { epoch, steps }: Plan,
): Promise<void> {
  const { stored, imageShape } = dataset;
  const batchBytes = batchSize * imageBytes(imageShape);
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
}
