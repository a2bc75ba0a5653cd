/** A worker for tests of the pool: it does what each job says. */
import { parentPort } from 'node:worker_threads';

parentPort!.on('message', (job: 'work' | 'refuse' | 'throw' | 'exit' | 'hang' | 'exhaust') => {
  if (job === 'throw') throw new Error('thrown in the worker');
  if (job === 'exit') process.exit(3);
  if (job === 'hang') return;
  if (job === 'exhaust') for (const kept: string[][] = []; ; ) kept.push(new Array(1000).fill(String(kept.length)));
  parentPort!.postMessage(job === 'refuse' ? { error: 'refused' } : {});
});
