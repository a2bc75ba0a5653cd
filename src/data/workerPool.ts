/**
 * A pool of worker threads, each of which does one job at a time. When a worker dies, all jobs fail, so that no caller
 * waits forever.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, type ResourceLimits, Worker } from 'node:worker_threads';
import { DataError, GalaError } from '../errors.js';
import { requireMemory, threadNeed } from '../machine/memory.js';

export interface JobRunner<Job> {
  /** Resolves when the job is done. Rejects with `DataError` when the job failed or the runner is closed. */
  run(job: Job): Promise<void>;
  /** Ends all threads; unfinished jobs reject. */
  close(): Promise<void>;
}

/** The answer of a worker to a job: empty, or the error with its place and remedy, where it has them. */
interface JobAnswer {
  readonly error?: string;
  readonly where?: string | undefined;
  readonly next?: string | undefined;
}

interface Waiting<Job> {
  readonly job: Job;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Parts of messages: a job that failed, a thread that died, and how to use fewer threads or less memory. */
const wording = {
  batches: {
    failed: 'A batch could not be prepared',
    thread: 'A worker thread that prepares batches',
    fewer: 'set data.workers to 0 to prepare batches in the main thread',
    smaller: 'set data.workers or train.batch_size to less',
  },
  packing: {
    failed: 'A part of the images could not be packed',
    thread: 'A worker thread that packs images',
    fewer: 'pack with --workers 1; what is packed already is kept',
    smaller: 'pack with a smaller --workers; what is packed already is kept',
  },
  predicting: {
    failed: 'A part of the images could not be decoded',
    thread: 'A worker thread that decodes images',
    fewer: 'use fewer cores: taskset -c 0 gala predict …',
    smaller: 'use fewer cores: taskset -c 0 gala predict …',
  },
  checking: {
    failed: 'A part of the images could not be checked',
    thread: 'A worker thread that checks images',
    fewer: 'check them first: `gala data verify --config CONFIG --data DIR --deep --workers 1`',
    smaller: 'check them first: `gala data verify --config CONFIG --data DIR --deep --workers 1`',
  },
} as const;
type Wording = (typeof wording)[keyof typeof wording];

export interface PoolOptions {
  /** The kind of jobs, for messages. */
  readonly work?: keyof typeof wording;
  readonly resourceLimits?: ResourceLimits;
}

/** `close` waits no longer, because a thread that hangs in the operating system cannot be ended. */
const closingMilliseconds = 2000;

/** Starts `count` threads of `file`, which must call `answerJobs`. Each thread gets a copy of `workerData`. */
export function openWorkerPool<Job>(
  file: URL,
  count: number,
  workerData: unknown,
  { work = 'batches', resourceLimits = {} }: PoolOptions = {},
): JobRunner<Job> {
  const words = wording[work];
  requireMemory(`${count} worker thread${count === 1 ? '' : 's'}`, {
    addresses: count * threadNeed.addresses,
    inUse: count * threadNeed.inUse,
  });
  const queue: Waiting<Job>[] = [];
  const running = new Map<Worker, Waiting<Job>>();
  // The workers must not inherit the flags of this process: with --input-type or --eval they could not start.
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
      if (waiting === undefined) return; // `fail` rejected it before
      if (error !== undefined)
        waiting.reject(known.where ? new DataError(error, known) : jobFailed(words, error, where));
      else waiting.resolve();
      idle.push(worker);
      dispatch();
    });
    worker.on('error', error =>
      fail(isOutOfMemory(error) ? outOfMemory(words, where, error) : workerDied(words, error.message, where, error)),
    );
    worker.on('exit', code => {
      if (broken === undefined) fail(workerDied(words, `it exited with code ${code}`, where));
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

/**
 * Runs jobs in this thread, one after the other, each in its own turn of the event loop. `close` calls `release` at the
 * end.
 */
export function runInThisThread<Job>(work: (job: Job) => void | Promise<void>, release?: () => void): JobRunner<Job> {
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
          throw error instanceof GalaError
            ? error
            : jobFailed(wording.batches, (error as Error).message, 'main thread');
        }
      });
      last = done.catch(() => undefined);
      return done;
    },
    close: async () => {
      closed = true;
      await Promise.race([last, sleep(closingMilliseconds, undefined, { ref: false })]);
      release?.();
    },
  };
}

/** The worker's side: does each job that arrives and answers it. */
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

function jobFailed({ failed }: Wording, message: string, where: string): DataError {
  return new DataError(`${failed}: ${message}`, {
    where,
    next: 'If it happens again, fetch the dataset files again.',
  });
}

function workerDied({ thread, fewer }: Wording, message: string, where: string, cause?: unknown): DataError {
  return new DataError(`${thread} ended: ${message}`, {
    where,
    next: `If it happens again, ${fewer}.`,
    cause,
  });
}

function isOutOfMemory(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
}

function outOfMemory({ thread, smaller }: Wording, where: string, cause: unknown): DataError {
  return new DataError(`${thread} ran out of memory.`, {
    where,
    next: `Free memory, or ${smaller}.`,
    cause,
  });
}

function poolClosed(): DataError {
  return new DataError('The worker threads were closed while a job was at work.', {
    where: 'worker pool',
    next: 'Wait for all jobs before closing the pool.',
  });
}
