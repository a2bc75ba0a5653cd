/** The worker's side of a worker pool. */
import { parentPort } from 'node:worker_threads';
import { GalaError } from '../../errors.js';
import type { JobAnswer } from './workerPool.js';

/** Does each job that arrives and answers it, with the error where it failed. */
export function answerJobs<Job>(work: (job: Job) => void | Promise<void>): void {
  parentPort!.on('message', async (job: Job) => {
    let answer: JobAnswer = {};
    try {
      await work(job);
    } catch (error) {
      answer = { error: (error as Error).message };
      if (error instanceof GalaError) answer = { ...answer, where: error.where, next: error.next };
    }
    parentPort!.postMessage(answer);
  });
}
