/** The local launcher: runs a number of tasks at a time, each in a process of its own; a failed run stops no other. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, rmSync } from 'node:fs';
import { StorageError } from '../errors.js';
import { writeFileAtomic } from '../io/atomicFile.js';
import { reasonOf } from '../io/faults.js';
import { openForWriting } from '../io/regularFile.js';
import { mayRepeat, stopSignals } from '../train/signals.js';
import { sweepCommand, trainCommand } from './command.js';
import { type Sweep, type SweepTask, taskConfig, taskExit, taskLog } from './manifest.js';
import { type TaskStatus, taskStatus } from './status.js';

export interface PoolObserver {
  onStart(task: SweepTask): void;
  /** Called every second for each running task. */
  onProgress(status: TaskStatus): void;
  onEnd(status: TaskStatus): void | Promise<void>;
  /** Called for the first signal, and for a second one, which ends the runs at once. */
  onStop(signal: NodeJS.Signals): void;
}

export interface PoolRequest {
  readonly sweep: Sweep;
  readonly tasks: readonly SweepTask[];
  readonly slots: number;
  /** A slot for each GPU, whose number is CUDA_VISIBLE_DEVICES of the process. */
  readonly gpus?: readonly string[] | undefined;
  readonly observer: PoolObserver;
}

const pollMilliseconds = 1000;

/**
 * Runs the tasks in their order, `slots` at a time; each writes its messages to the task's log. SIGINT, SIGTERM and
 * SIGHUP are sent on to every run, which saves; no further task starts. Returns the signal, if one came. Throws what
 * the observer throws, once the other runs have saved.
 */
export async function runLocally(request: PoolRequest): Promise<NodeJS.Signals | undefined> {
  const { tasks, gpus, observer } = request;
  const slots = Math.min(gpus?.length ?? request.slots, tasks.length);
  const queue = [...tasks];
  const running = new Set<ChildProcess>();
  let stopped: NodeJS.Signals | undefined;
  const end = (signal: NodeJS.Signals) => {
    queue.length = 0;
    for (const child of running) child.kill(signal);
  };
  const stop = (signal: NodeJS.Signals) => {
    if (stopped !== undefined && mayRepeat(signal)) return;
    const isAsked = stopped !== undefined && mayRepeat(stopped);
    stopped = isAsked ? signal : (stopped ?? signal);
    if (isAsked) return; // the runs are saving already
    observer.onStop(signal);
    // The runs are in sessions of their own, which no terminal hangs up.
    end(mayRepeat(signal) ? 'SIGTERM' : signal);
  };
  const slot = async (index: number) => {
    try {
      for (let task = queue.shift(); task; task = queue.shift()) await runTask(request, task, gpus?.[index], running);
    } catch (error) {
      end('SIGTERM');
      throw error;
    }
  };
  for (const signal of stopSignals) process.on(signal, stop);
  try {
    const ended = await Promise.allSettled(Array.from({ length: slots }, (_, index) => slot(index)));
    const failure = ended.find(({ status }) => status === 'rejected');
    if (failure) throw (failure as PromiseRejectedResult).reason;
  } finally {
    for (const signal of stopSignals) process.off(signal, stop);
  }
  return stopped;
}

async function runTask(
  { sweep, observer }: PoolRequest,
  task: SweepTask,
  gpu: string | undefined,
  running: Set<ChildProcess>,
): Promise<void> {
  rmSync(taskExit(sweep, task.index), { force: true });
  const log = openLog(sweep, task);
  const [program, ...args] = trainCommand(sweep, taskConfig(sweep, task.index));
  // In a process group of its own: Ctrl-C in the terminal must reach the run once, from here; twice would kill it.
  const child = spawn(program, args, {
    cwd: sweep.manifest.cwd,
    detached: true,
    stdio: ['ignore', log, log],
    env: gpu === undefined ? process.env : { ...process.env, CUDA_VISIBLE_DEVICES: gpu },
  });
  closeSync(log);
  running.add(child);
  observer.onStart(task);
  const poll = setInterval(() => observer.onProgress(taskStatus(sweep, task)), pollMilliseconds);
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    writeFileAtomic(taskExit(sweep, task.index), `${signal ?? code}\n`);
  } finally {
    running.delete(child);
    clearInterval(poll);
  }
  await observer.onEnd(taskStatus(sweep, task));
}

function openLog(sweep: Sweep, { index }: SweepTask): number {
  const path = taskLog(sweep, index);
  try {
    return openForWriting(path, 'append');
  } catch (cause) {
    throw new StorageError(`Could not open the log of a run: ${reasonOf(cause)}`, {
      where: path,
      next: `Check free space and permissions of the folder, then ${sweepCommand('resume', sweep)}`,
      cause,
    });
  }
}
