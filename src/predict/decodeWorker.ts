/** Worker thread of `gala predict`: decodes images and fits them to the network's input as evaluation does. */
import { workerData } from 'node:worker_threads';
import { answerJobs } from '../data/workerPool.js';
import { type DecodeJob, decoderOf, type InputRecipe } from './decode.js';

answerJobs<DecodeJob>(decoderOf(workerData as InputRecipe));
