import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openWorkerPool, runInThisThread } from '../../src/data/workerPool.js';
import { DataError } from '../../src/errors.js';

const file = new URL('./failingWorker.js', import.meta.url);
const dataError = (message: RegExp) => (error: unknown) =>
  error instanceof DataError && message.test(error.message) && !!error.where && !!error.next;

describe('a pool of workers', () => {
  test('does more jobs than it has workers', async () => {
    const pool = openWorkerPool<string>(file, 2, undefined);
    await Promise.all(Array.from({ length: 20 }, () => pool.run('work')));
    await pool.close();
  });

  test('rejects the job that a worker refuses and goes on with the others', async () => {
    const pool = openWorkerPool<string>(file, 1, undefined);
    await assert.rejects(pool.run('refuse'), dataError(/could not be prepared: refused/));
    await pool.run('work');
    await pool.close();
  });

  test('rejects all jobs, also later ones, when a worker throws', async () => {
    const pool = openWorkerPool<string>(file, 2, undefined);
    const jobs = [pool.run('hang'), pool.run('throw'), pool.run('work')];
    for (const job of jobs) await assert.rejects(job, dataError(/ended: thrown in the worker/));
    await assert.rejects(pool.run('work'), dataError(/thrown in the worker/));
    await pool.close();
  });

  test('rejects all jobs with the remedy when a worker runs out of memory; the process goes on', async () => {
    const limits = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 };
    const pool = openWorkerPool<string>(file, 2, undefined, { resourceLimits: limits });
    const jobs = [pool.run('hang'), pool.run('exhaust'), pool.run('work')];
    for (const job of jobs) await assert.rejects(job, dataError(/ran out of memory/));
    await assert.rejects(pool.run('work'), (error: unknown) => /data\.workers/.test((error as DataError).next!));
    await pool.close();
  });

  test('rejects all jobs when a worker exits', async () => {
    const pool = openWorkerPool<string>(file, 1, undefined);
    await assert.rejects(Promise.all([pool.run('work'), pool.run('exit'), pool.run('work')]), dataError(/code 3/));
    await pool.close();
  });

  test('speaks of what its jobs are for', async () => {
    const pool = openWorkerPool<string>(file, 1, undefined, { work: 'packing' });
    await assert.rejects(pool.run('exit'), (error: unknown) => {
      assert.match((error as DataError).message, /^A worker thread that packs images ended: it exited with code 3$/);
      assert.match((error as DataError).next!, /--workers 1/);
      return true;
    });
    await pool.close();
  });

  test('rejects jobs that are under way when it is closed', async () => {
    const pool = openWorkerPool<string>(file, 1, undefined);
    const rejections = [pool.run('hang'), pool.run('work')].map(job => assert.rejects(job, dataError(/closed/)));
    await pool.close();
    await Promise.all(rejections);
    await assert.rejects(pool.run('work'), dataError(/closed/));
  });
});

describe('jobs in this thread', () => {
  test('run one after the other and after the caller goes on', async () => {
    const done: string[] = [];
    const runner = runInThisThread<string>(async job => {
      await Promise.resolve();
      done.push(job);
    });
    const jobs = [runner.run('a'), runner.run('b')];
    done.push('caller');
    await Promise.all(jobs);
    assert.deepEqual(done, ['caller', 'a', 'b']);
    await runner.close();
    await assert.rejects(runner.run('c'), dataError(/closed/));
  });

  test('reject with a typed error when the work throws', async () => {
    const runner = runInThisThread<boolean>(bad => {
      if (bad) throw new RangeError('bad job');
    });
    await assert.rejects(runner.run(true), dataError(/bad job/));
    await runner.run(false);
  });
});
