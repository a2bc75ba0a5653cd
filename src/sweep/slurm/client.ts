/** What is asked of SLURM's own programs: sbatch, squeue, sacct, scancel. */
import { spawnSync } from 'node:child_process';
import { ConfigError } from '../../errors.js';

/** A task as SLURM sees it. */
export interface SlurmState {
  /** SLURM's word, such as PENDING, RUNNING, TIMEOUT. */
  readonly word: string;
  readonly phase: 'waiting' | 'running' | 'over';
  /** Job id of the array and index, `12_3`. */
  readonly id: string;
  /** Why it waits. */
  readonly reason?: string;
}

const waitingWords = /^(PENDING|REQUEUE|CONFIGURING|SPECIAL_EXIT|RESV_DEL_HOLD)/;
const runningWords = /^(RUNNING|COMPLETING|SUSPENDED|STOPPED|SIGNALING|STAGE_OUT|RESIZING)/;

/** Submits a batch script and returns the id of the job (array). Throws `ConfigError` with what sbatch says. */
export function submitScript(path: string): string {
  const { stdout } = call('sbatch', ['--parsable', path]);
  return stdout.trim().split(';')[0]!;
}

/**
 * State of each task of the job arrays, by `<job>_<index>`: from squeue, and from sacct, where there is accounting, for what squeue
 * has forgotten. What neither knows is missing. Throws `ConfigError` when squeue cannot be asked at all.
 */
export function taskStates(jobs: readonly string[]): Map<string, SlurmState> {
  const states = new Map<string, SlurmState>();
  if (jobs.length === 0) return states;
  const list = jobs.join(',');
  // -a: jobs of hidden partitions too. Exit code 1 is also the answer for jobs that are all forgotten.
  const queue = run('squeue', ['-a', '-h', '-r', '-t', 'all', '-j', list, '-o', '%i|%T|%r']);
  if (queue.status !== 0 && !/Invalid job id/i.test(queue.stderr)) throw refused('squeue', queue.stderr);
  for (const [id, word, reason] of fields(queue.stdout)) add(states, id!, word!, reason);
  const accounting = run('sacct', ['-nPX', '-j', list, '-o', 'JobID,State']);
  if (accounting.status === 0) {
    for (const [id, state] of fields(accounting.stdout)) if (!states.has(id!)) add(states, id!, state!.split(' ')[0]!);
  }
  return states;
}

/** Cancels jobs or tasks (`12_3`). Throws `ConfigError` with what scancel says. */
export function cancelJobs(ids: readonly string[]): void {
  if (ids.length > 0) call('scancel', ids);
}

/** Whether a job neither waits nor runs any more; false where SLURM gives no answer. */
export function isJobOver(job: string): boolean {
  const { status, stdout, stderr } = run('squeue', ['-a', '-h', '-j', job, '-o', '%T']);
  if (status !== 0) return /Invalid job id/i.test(stderr);
  return !stdout.split('\n').some(word => waitingWords.test(word) || runningWords.test(word));
}

function add(states: Map<string, SlurmState>, id: string, word: string, reason?: string): void {
  const phase = waitingWords.test(word) ? 'waiting' : runningWords.test(word) ? 'running' : 'over';
  const why = reason && reason !== 'None' && phase === 'waiting' ? { reason } : {};
  states.set(id, { id, word, phase, ...why });
}

function fields(text: string): string[][] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => line.split('|'));
}

function call(program: string, args: readonly string[]) {
  const result = run(program, args);
  if (result.status === 0) return result;
  throw refused(program, result.stderr);
}

function run(program: string, args: readonly string[]) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
    if (program === 'sacct') return { status: 1, stdout: '', stderr: '' };
    throw new ConfigError(`There is no SLURM here: the program ${program} is missing.`, {
      where: 'PATH',
      next: 'Run this on a login node of the cluster, or take --launcher local.',
    });
  }
  return { status, stdout: stdout ?? '', stderr: stderr ?? error?.message ?? '' };
}

function refused(program: string, stderr: string): ConfigError {
  const said = stderr.trim().replaceAll('\n', '; ') || 'it gave no reason';
  return new ConfigError(`SLURM refused: ${said}`, {
    where: program,
    next: 'Change the options of --slurm, or see `sinfo` and `squeue` for the state of the cluster.',
  });
}
