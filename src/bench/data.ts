/** Measures how fast the pipeline prepares batches. */
import type { Augmentation } from '../data/augment/augmentation.js';
import type { Dataset } from '../data/dataset.js';
import type { Block } from '../data/pipeline/blockSequence.js';
import { openPipeline } from '../data/pipeline/pipeline.js';
import { shuffledOrder } from '../data/sampler.js';

export interface DataBenchmark {
  readonly workers: number;
  /** Where images were read from: `memory`, `files`, or a packed dataset with the size of its images. */
  readonly images_from: string;
  /** Images per second of elapsed time. */
  readonly images_per_second: number;
  /** CPU time per image, summed over all threads of this process. */
  readonly microseconds_per_image: number;
}

/** Reads batches for about `seconds`, after a warm-up of `seconds` / 10. Nothing else should run in the process. */
export async function benchPipeline(options: {
  readonly dataset: Dataset;
  readonly augment: readonly Augmentation[];
  readonly batchSize: number;
  readonly workers: number;
  readonly seconds: number;
}): Promise<DataBenchmark> {
  const { dataset, augment, batchSize, workers, seconds } = options;
  const order = (epoch: number) => shuffledOrder(dataset.length, 0, epoch);
  const pipeline = openPipeline({ dataset, augment, seed: 0, batchSize, order, workers });
  const batches = pipeline.blocks({ epoch: 0, step: 0 }, Number.MAX_SAFE_INTEGER);
  try {
    await batches.next(); // returns when the workers have started
    await measure(batches, batchSize, seconds / 10);
    const images = await measure(batches, batchSize, seconds);
    return { workers, images_from: dataset.stored?.form ?? 'memory', ...images };
  } finally {
    await pipeline.close();
  }
}

async function measure(
  batches: AsyncIterableIterator<Block>,
  batchSize: number,
  seconds: number,
): Promise<Pick<DataBenchmark, 'images_per_second' | 'microseconds_per_image'>> {
  const startCpu = process.cpuUsage();
  const start = performance.now();
  let images = 0;
  let elapsed = 0;
  while (elapsed < seconds) {
    await batches.next();
    images += batchSize;
    elapsed = (performance.now() - start) / 1000;
  }
  const { user, system } = process.cpuUsage(startCpu);
  return { images_per_second: images / elapsed, microseconds_per_image: (user + system) / images };
}
