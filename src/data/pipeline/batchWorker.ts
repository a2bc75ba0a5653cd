/** Worker thread of the pipeline. */
import { workerData } from 'node:worker_threads';
import { answerJobs } from '../workerPool.js';
import { type BatchRecipe, type BatchSource, preparerOf } from './prepareBatch.js';

const { source, recipe } = workerData as { source: BatchSource; recipe: BatchRecipe };
answerJobs(preparerOf(source, recipe).prepare);
