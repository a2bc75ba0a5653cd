/** The local launcher: so many slots, a process of its own for each run, no run waits for another's failure. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync } from 'node:fs';
import { StorageError } from '../errors.js';
import { writeFileAtomic } from '../io/atomicFile.js';
import { taskCommand } from './command.js';
import { type Sweep, type SweepTask, taskExit, taskLog } from './manifest.js';
import { type TaskStatus, taskStatus } from './status.js';

export interface PoolObserver {
  onStart(task: SweepTask): void;
  /** Once a second for each run under way. */
  onProgress(status: TaskStatus): void;
  onEnd(status: TaskStatus): void | Promise<void>;
  /** The first signal; a second one ends the runs at once. */
  onStop(signal: NodeJS.Signals): void;
}

export interface PoolRequest {
  readonly sweep: Sweep;
  readonly tasks: readonly SweepTask[];
  readonly slots: number;
  /** One slot for each: CUDA_VISIBLE_DEVICES of its process. */
  readonly gpus?: readonly string[] | undefined;
  readonly observer: PoolObserver;
}

const pollMilliseconds = 1000;
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs the tasks in their order, `slots` at a time, each with its messages in the task's log. SIGINT and SIGTERM are handed on to
 * every run, which saves; nothing is started after that. Returns the signal, if one came. Throws what the observer throws.
 */
export async function runLocally(request: PoolRequest): Promise<NodeJS.Signals | undefined> {
  const { tasks, gpus, observer } = request;
  const slots = Math.min(gpus?.length ?? request.slots, tasks.length);
  const queue = [...tasks];
  const running = new Set<number>();
  let stopped: NodeJS.Signals | undefined;
  const stop = (signal: NodeJS.Signals) => {
    stopped ??= signal;
    observer.onStop(signal);
    // A closed terminal is no reason to lose an epoch: SIGHUP would kill a run.
    for (const pid of running) process.kill(pid, signal === 'SIGHUP' ? 'SIGTERM' : signal);
  };
  for (const signal of stopSignals) process.on(signal, stop);
  const slot = async (index: number) => {
    for (let task = queue.shift(); task && !stopped; task = queue.shift()) {
      await runTask(request, task, gpus?.[index], running);
    }
  };
  try {
    await Promise.all(Array.from({ length: slots }, (_, index) => slot(index)));
  } finally {
    for (const signal of stopSignals) process.off(signal, stop);
  }
  return stopped;
}

async function runTask(
  { sweep, observer }: PoolRequest,
  task: SweepTask,
  gpu: string | undefined,
  running: Set<number>,
): Promise<void> {
  rmSync(taskExit(sweep, task.index), { force: true });
  const log = openLog(taskLog(sweep, task.index));
  const [program, ...args] = taskCommand(sweep, task.index);
  // A process group of its own: Ctrl-C in the terminal must reach it once, from here, and not twice, which would kill it.
  const child = spawn(program, args, {
    cwd: sweep.manifest.cwd,
    detached: true,
    stdio: ['ignore', log, log],
    env: gpu === undefined ? process.env : { ...process.env, CUDA_VISIBLE_DEVICES: gpu },
  });
  closeSync(log);
  if (child.pid !== undefined) running.add(child.pid);
  observer.onStart(task);
  const poll = setInterval(() => observer.onProgress(taskStatus(sweep, task)), pollMilliseconds);
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    if (child.pid !== undefined) running.delete(child.pid);
    writeFileAtomic(taskExit(sweep, task.index), `${signal ?? code}\n`);
  } finally {
    clearInterval(poll);
  }
  await observer.onEnd(taskStatus(sweep, task));
}

function openLog(path: string): number {
  try {
    return openSync(path, 'a', 0o644);
  } catch (cause) {
    throw new StorageError(`Could not open the log of a run: ${(cause as Error).message}`, {
      where: path,
      next: 'Check free space and permissions of the folder, then gala sweep resume.',
      cause,
    });
  }
}
