/** Worker threads that do jobs one after the other; a worker that throws or dies fails every job instead of hanging it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ResourceLimits, Worker } from 'node:worker_threads';
import { DataError, GalaError } from '../errors.js';

export interface JobRunner<Job> {
  /** Resolves when the job is done. Rejects with `DataError` when it failed or the runner is closed. */
  run(job: Job): Promise<void>;
  /** Ends every thread; jobs that are under way reject. */
  close(): Promise<void>;
}

/** A worker's answer to a job: nothing, or what it threw; with place and remedy where the worker knows them. */
export interface JobAnswer {
  readonly error?: string;
  readonly where?: string | undefined;
  readonly next?: string | undefined;
}

interface Waiting<Job> {
  readonly job: Job;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A thread held up in the operating system cannot be ended; it is left behind after this long. */
const closingMilliseconds = 2000;

/** Starts `count` threads of `file`, which answers each message with one `JobAnswer`; `workerData` is copied to each. */
export function openWorkerPool<Job>(
  file: URL,
  count: number,
  workerData: unknown,
  resourceLimits: ResourceLimits = {},
): JobRunner<Job> {
  const queue: Waiting<Job>[] = [];
  const running = new Map<Worker, Waiting<Job>>();
  // The flags of this process are not for the workers: --input-type or --eval would keep them from starting.
  const workers = Array.from({ length: count }, () => new Worker(file, { workerData, execArgv: [], resourceLimits }));
  const idle = [...workers];
  let broken: GalaError | undefined;

  const fail = (error: GalaError) => {
    broken ??= error;
    for (const { reject } of [...running.values(), ...queue]) reject(broken);
    running.clear();
    queue.length = 0;
  };
  const dispatch = () => {
    while (idle.length > 0 && queue.length > 0) {
      const worker = idle.pop()!;
      const waiting = queue.shift()!;
      running.set(worker, waiting);
      worker.postMessage(waiting.job);
    }
  };
  workers.forEach((worker, index) => {
    const where = `worker ${index + 1} of ${count}`;
    worker.on('message', ({ error, ...known }: JobAnswer) => {
      const waiting = running.get(worker);
      running.delete(worker);
      if (waiting === undefined) return; // the pool broke meanwhile
      if (error !== undefined) waiting.reject(known.where ? new DataError(error, known) : jobFailed(error, where));
      else waiting.resolve();
      idle.push(worker);
      dispatch();
    });
    worker.on('error', error =>
      fail(isOutOfMemory(error) ? outOfMemory(where, error) : workerDied(error.message, where, error)),
    );
    worker.on('exit', code => {
      if (broken === undefined) fail(workerDied(`it exited with code ${code}`, where));
    });
  });
  return {
    run: job =>
      new Promise((resolve, reject) => {
        if (broken !== undefined) {
          reject(broken);
          return;
        }
        queue.push({ job, resolve, reject });
        dispatch();
      }),
    close: async () => {
      fail(poolClosed());
      const ended = Promise.all(workers.map(worker => worker.terminate()));
      await Promise.race([ended, sleep(closingMilliseconds, undefined, { ref: false })]);
    },
  };
}

/** Runs jobs in this thread, one after the other, each on a turn of its own of the event loop. */
export function runInThisThread<Job>(work: (job: Job) => void | Promise<void>): JobRunner<Job> {
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;
  const turn = () => new Promise(resolve => setImmediate(resolve));
  return {
    run: job => {
      const done = last.then(turn).then(async () => {
        if (closed) throw poolClosed();
        try {
          await work(job);
        } catch (error) {
          throw error instanceof GalaError ? error : jobFailed((error as Error).message, 'main thread');
        }
      });
      last = done.catch(() => undefined);
      return done;
    },
    close: async () => {
      closed = true;
      await Promise.race([last, sleep(closingMilliseconds, undefined, { ref: false })]);
    },
  };
}

function jobFailed(message: string, where: string): DataError {
  return new DataError(`A batch could not be prepared: ${message}`, {
    where,
    next: 'If it happens again, fetch the dataset files again.',
  });
}

function workerDied(message: string, where: string, cause?: unknown): DataError {
  return new DataError(`A worker thread that prepares batches ended: ${message}`, {
    where,
    next: 'If it happens again, set data.workers to 0 to prepare batches in the main thread.',
    cause,
  });
}

function isOutOfMemory(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
}

function outOfMemory(where: string, cause: unknown): DataError {
  return new DataError('A worker thread that prepares batches ran out of memory.', {
    where,
    next: 'Free memory, or set data.workers or train.batch_size to less.',
    cause,
  });
}

function poolClosed(): DataError {
  return new DataError('The data pipeline was closed while a batch was being prepared.', {
    where: 'data pipeline',
    next: 'Ask for batches before closing the pipeline.',
  });
}
