/** Worker thread of the pipeline for images in files and shards. */
import { workerData } from 'node:worker_threads';
import { answerJobs } from '../workers/answerJobs.js';
import type { BatchRecipe } from './batchJob.js';
import { preparerOfFiles } from './prepareFiles.js';

const { recipe, shortSide } = workerData as { recipe: BatchRecipe; shortSide: number };
answerJobs(preparerOfFiles(recipe, shortSide).prepare);
