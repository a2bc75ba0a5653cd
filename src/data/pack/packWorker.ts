/** Worker thread of `gala data pack`. */
import { workerData } from 'node:worker_threads';
import { answerJobs } from '../workers/answerJobs.js';
import { shardPacker } from './packShard.js';

const { shortSide, packed } = workerData as { shortSide: number; packed: Int32Array };
answerJobs(shardPacker(shortSide, packed));
