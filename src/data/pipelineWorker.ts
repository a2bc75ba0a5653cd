/** Worker thread of the pipeline: prepares the batches that it is sent, into shared memory. */
import { parentPort, workerData } from 'node:worker_threads';
import type { SharedImages } from './dataset.js';
import type { BatchJob, BatchRecipe } from './prepareBatch.js';
import { preparerOf } from './prepareBatch.js';
import type { JobAnswer } from './workerPool.js';

const { shared, recipe } = workerData as { shared: SharedImages; recipe: BatchRecipe };
const prepare = preparerOf(shared, recipe);

parentPort!.on('message', (job: BatchJob) => {
  let answer: JobAnswer = {};
  try {
    prepare(job);
  } catch (error) {
    answer = { error: (error as Error).message };
  }
  parentPort!.postMessage(answer);
});
