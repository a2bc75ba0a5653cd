/** Worker thread of the pipeline for images in shared memory: prepares the batches that it is sent. */
import { workerData } from 'node:worker_threads';
import type { SharedImages } from '../dataset.js';
import { answerJobs } from '../workers/answerJobs.js';
import type { BatchRecipe } from './batchJob.js';
import { preparerOf } from './prepareBatch.js';

const { shared, recipe } = workerData as { shared: SharedImages; recipe: BatchRecipe };
answerJobs(preparerOf(shared, recipe));
