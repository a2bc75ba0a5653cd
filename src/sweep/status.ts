/** The state of each task of a sweep: from its run folder, else from SLURM, else from what its last attempt left. */
import { existsSync } from 'node:fs';
import { StorageError } from '../errors.js';
import { reportedScores } from '../eval/resultRow.js';
import { isLocked, localHolder } from '../io/folderLock.js';
import { largestText, readRegularText, withOpenedFile } from '../io/regularFile.js';
import { type FoundRun, openRunStore, type RunStore } from '../run/runStore.js';
import type { Column } from '../tables/column.js';
import { listSweeps, openSweep, type Sweep, type SweepTask, taskExit, taskLog } from './manifest.js';
import type { SlurmState } from './slurm/answers.js';
import { taskStates } from './slurm/client.js';

/** A `stopped` task was stopped by a signal or killed; it can be resumed. */
type TaskState = 'finished' | 'running' | 'waiting' | 'stopped' | 'failed' | 'diverged' | 'not started';

export interface TaskStatus {
  readonly task: SweepTask;
  readonly state: TaskState;
  /** Finished epochs. */
  readonly epoch: number;
  /** Why it waits, failed or stopped. */
  readonly reason?: string | undefined;
  /** The run folder, once there is one. */
  readonly directory?: string | undefined;
  /** The run of a finished task. */
  readonly finished?: FoundRun | undefined;
  /** SLURM's `<job>_<index>`. */
  readonly job?: string | undefined;
}

/** All tasks of a sweep. Throws `ConfigError` where SLURM has jobs of unfinished tasks and squeue does not answer. */
export function sweepStatus(sweep: Sweep): TaskStatus[] {
  const { jobs, tasks } = sweep.manifest;
  const runs = openRunStore(sweep.output);
  const open = tasks.filter(({ config, config_hash }) => runs.ofHash(config, config_hash)?.state !== 'finished');
  const areOpen = new Set(open.map(({ index }) => index));
  const states = taskStates(jobs.filter(job => job.tasks.some(index => areOpen.has(index))).map(({ id }) => id));
  return tasks.map(task => {
    const job = jobs.findLast(({ tasks }) => tasks.includes(task.index));
    const id = job && `${job.id}_${task.index - (job.first ?? 0)}`;
    const known = id === undefined ? undefined : (states.get(id) ?? states.get(`${job!.id}_*`));
    const slurm = id === undefined ? undefined : (known ?? { id, word: '', phase: 'over' as const });
    return { ...taskStatus(sweep, task, slurm, runs), job: id };
  });
}

/**
 * One task and its run among `runs`. `slurm` is left out for a task that was never submitted; a task that SLURM has
 * forgotten is over, with an empty word.
 */
export function taskStatus(
  sweep: Sweep,
  task: SweepTask,
  slurm?: SlurmState,
  runs: RunStore = openRunStore(sweep.output),
): TaskStatus {
  const run = runs.ofHash(task.config, task.config_hash);
  const base = { task, epoch: run?.record.epoch ?? 0, directory: run?.directory };
  if (run?.state === 'finished') return { ...base, state: 'finished', finished: run };
  if (slurm?.phase === 'waiting') return { ...base, state: 'waiting', reason: slurm.reason };
  if (slurm?.phase === 'running') return { ...base, state: 'running' };
  if (run?.state === 'diverged') return { ...base, state: 'diverged', reason: run.record.failure };
  // Where SLURM says that the task is over, a lock of another host is a leftover; a process here can be seen.
  const isHeld = run?.state === 'in progress' && (slurm === undefined || localHolder(run.directory) !== undefined);
  if (isHeld) return { ...base, state: 'running' };
  const exit = lastExit(sweep, task);
  const word = slurm?.word === 'COMPLETED' ? undefined : slurm?.word || undefined;
  if (run?.record.status === 'failed' && exit !== '0') {
    return { ...base, state: 'failed', reason: run.record.failure };
  }
  if (run) return { ...base, state: 'stopped', reason: word ?? stoppedBy(exit, run.record.status) };
  if (exit !== undefined && exit !== '0') return { ...base, state: 'failed', reason: failureOf(sweep, task, exit) };
  const isFailure = word !== undefined && word !== 'CANCELLED';
  return { ...base, state: isFailure ? 'failed' : 'not started', reason: word };
}

/** Whether another attempt may finish the task. */
export function isOpen({ state }: TaskStatus): boolean {
  return state === 'stopped' || state === 'failed' || state === 'not started';
}

/**
 * States of the tasks that will be trained without a further command, while a local pool lives or SLURM queues them.
 */
const claimed: Readonly<Record<'local' | 'slurm', readonly TaskState[]>> = {
  local: ['not started', 'stopped', 'running'],
  slurm: ['waiting', 'running'],
};

/**
 * Config hash → who is going to train it, in words, of the sweeps `base`, `base-2`, … below `output`. These are
 * tasks of a local sweep whose process lives and, with the launcher `slurm`, tasks in SLURM's queue. A sweep whose
 * manifest cannot be read claims nothing. Throws `ConfigError` where SLURM does not answer.
 */
export function claimedTasks(base: string, output: string, launcher: 'local' | 'slurm'): Map<string, string> {
  const names = listSweeps(output).filter(name => name.startsWith(base) && /^(-\d+)?$/.test(name.slice(base.length)));
  const claims = new Map<string, string>();
  for (const sweep of names.flatMap(name => openIfUsable(name, output))) {
    const { name, launcher: own } = sweep.manifest;
    const isAlive = own.name === 'local' ? isLocked(sweep.directory) : launcher === 'slurm';
    if (!isAlive) continue;
    for (const { task, state, job } of sweepStatus(sweep)) {
      if (!claimed[own.name].includes(state)) continue;
      claims.set(task.config_hash, job === undefined ? `the sweep ${name}` : `the job ${job} of the sweep ${name}`);
    }
  }
  return claims;
}

function openIfUsable(name: string, output: string): Sweep[] {
  try {
    return [openSweep(name, output)];
  } catch (error) {
    if (error instanceof StorageError) return [];
    throw error;
  }
}

/** The scores of a finished task as tables show them. */
export function scoresOf({ finished }: TaskStatus) {
  return reportedScores(finished?.record.results);
}

/** `2 finished, 1 running`. */
export function describeStates(statuses: readonly TaskStatus[]): string {
  const states = [...new Set(statuses.map(({ state }) => state))];
  return states.map(state => `${statuses.filter(status => status.state === state).length} ${state}`).join(', ');
}

/** The finished runs, in the order of the tasks. */
export function finishedIn(statuses: readonly TaskStatus[]): FoundRun[] {
  return statuses.flatMap(({ finished }) => finished ?? []);
}

/** The exit code of the last attempt, or the signal that killed it; undefined before its end. */
function lastExit(sweep: Sweep, { index }: SweepTask): string | undefined {
  const path = taskExit(sweep, index);
  return existsSync(path) ? readRegularText(path, largestText).trim() : undefined;
}

/** The last error in the log of a task, else its exit code. */
function failureOf(sweep: Sweep, { index }: SweepTask, exit: string): string {
  const path = taskLog(sweep, index);
  const lines = existsSync(path) ? endOf(path).split('\n') : [];
  const said = lines.findLast(line => line.startsWith('error: ') || line.startsWith('slurmstepd: error: '));
  return (
    said?.replace(/^(slurmstepd: )?error: /, '') ?? (exit.startsWith('SIG') ? `killed by ${exit}` : `exit code ${exit}`)
  );
}

/** Bytes at the end of a log in which the last error is looked for. */
const logTail = 2 ** 16;

/** The last lines of a log. */
function endOf(path: string): string {
  return withOpenedFile(path, ({ size, read }) => {
    const length = Math.min(size, logTail);
    return read(size - length, length).toString('utf8');
  });
}

function stoppedBy(exit: string | undefined, status: string): string {
  if (status === 'interrupted') return exit === '138' ? 'preempted' : 'stopped by a signal, saved';
  return 'killed';
}

export const statusColumns: readonly Column<TaskStatus>[] = [
  { key: 'task', title: 'task', kind: 'number', dispensable: 2, value: ({ task }) => task.index },
  { key: 'config', title: 'config', kind: 'text', dispensable: 1, value: ({ task }) => task.config },
  { key: 'point', title: 'point', kind: 'text', value: ({ task }) => task.label },
  { key: 'seed', title: 'seed', kind: 'number', value: ({ task }) => task.seed },
  { key: 'state', title: 'state', kind: 'text', value: ({ state }) => state },
  { key: 'epoch', title: 'epoch', kind: 'text', value: ({ epoch, task }) => `${epoch}/${task.epochs}` },
  { key: 'top1', title: 'top-1', kind: 'percent', value: status => scoresOf(status).plain?.top1 },
  {
    key: 'top1_rebalanced',
    title: 're-balanced',
    kind: 'percent',
    value: status => scoresOf(status).rebalanced?.top1,
  },
  { key: 'job', title: 'job', kind: 'text', dispensable: 3, value: ({ job }) => job },
  { key: 'reason', title: 'reason', kind: 'text', value: ({ reason }) => reason },
];
