/** Batches of augmented images, which worker threads prepare ahead of the training loop. */
import { patienceSeconds } from '../../io/waiting.js';
import type { Augmentation } from '../augment/augmentation.js';
import { type Dataset, imageBytes } from '../dataset.js';
import { type JobRunner, openWorkerPool, runInThisThread } from '../workerPool.js';
import { type BlockPlan, type BlockSettings, type Position, planBlocks } from './blockPlan.js';
import { type Block, BlockSequence } from './blockSequence.js';
import { type BatchJob, type BatchRecipe, preparerOf } from './prepareBatch.js';
import { type Slot, Slots } from './slots.js';

export interface PipelineOptions extends Omit<BlockSettings, 'stepsPerBlock' | 'keepPartial'> {
  readonly augment: readonly Augmentation[];
  readonly seed: number;
  /** 1 when left out. */
  readonly stepsPerBlock?: number;
  /** Worker threads; 0 = batches are prepared in the main thread. */
  readonly workers: number;
  /** Blocks that are ready or being prepared while one is in use; enough for 2 batches per worker when left out. */
  readonly prefetch?: number;
  /** False when left out. */
  readonly keepPartial?: boolean;
  /** Seconds after which waiting for a batch ends with an error; 0 = never. `patienceSeconds()` when left out. */
  readonly patience?: number;
}

export interface Pipeline {
  /**
   * All blocks from a position to the end of `lastEpoch`. The first blocks of an epoch are prepared while the last ones
   * of the previous epoch are in use. The caller may leave the loop early; another call ends the earlier iterator.
   * Rejects with `DataError` when a batch cannot be prepared, with `ConfigError` when an epoch has no whole batch.
   */
  blocks(from: Position, lastEpoch: number): AsyncIterableIterator<Block>;
  /** Ends the worker threads. */
  close(): Promise<void>;
}

/**
 * Starts the workers. A batch depends only on seed, epoch, order and step, not on the number of workers or the size of
 * blocks. Throws `ConfigError` when an augmentation does not work on the images.
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
 * For evaluation: every image once, in order and without augmentation, in blocks of `stepsPerBlock` batches; the last
 * batch may be smaller. `workers` threads decode images in files.
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
  const { shared, stored } = dataset;
  const source = shared ? { shared } : { shortSide: stored.shortSide };
  const { prepare, close } = preparerOf(source, recipe); // also with workers, to throw here for wrong augmentations
  if (workers === 0) return runInThisThread(prepare, close);
  return openWorkerPool(new URL('./batchWorker.js', import.meta.url), workers, { source, recipe });
}

/** Lets the workers fill a slot, with one job for each batch. */
async function prepareBlock(
  runner: JobRunner<BatchJob>,
  { dataset, batchSize }: BlockSettings,
  { images, indices, draws }: Slot,
  { epoch, steps }: BlockPlan,
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
