/** Calls SLURM's programs: sbatch, squeue, sacct, scancel, scontrol. */
import { spawnSync } from 'node:child_process';
import { ConfigError } from '../../errors.js';
import { arraySizeIn, isJobId, type SlurmState, statesIn, submittedId } from './answers.js';

/**
 * sbatch may have taken the job without telling its id: no id, an id with an exit code, a controller that timed out.
 */
export class JobWithoutId extends ConfigError {}

/**
 * Submits a batch script and returns the id of the job (array), which begins only when the job `after` has ended.
 * Throws `ConfigError` with the words of sbatch, `JobWithoutId` where they have no id.
 */
export function submitScript(path: string, after?: string): string {
  const order = after === undefined ? [] : [`--dependency=afterany:${after}`];
  const answer = run('sbatch', ['--parsable', ...order, path]);
  const id = submittedId(answer.stdout);
  if (answer.status === 0 && id !== undefined) return id;
  const isTaken = answer.status === 0 || id !== undefined || /timed out/i.test(answer.stderr);
  if (!isTaken) throw refused('sbatch', answer);
  const ended = answer.status === 0 ? 'printed no job id, but' : `ended with exit code ${answer.status} and said`;
  throw new JobWithoutId(`sbatch ${ended}: ${wordsOf(answer) || 'nothing'}`, {
    where: path,
    next:
      'The job may be queued all the same: see `squeue --me`, and cancel it there (scancel ID) before you ' +
      'submit again.',
  });
}

/**
 * The state of each task of the job arrays, by `<job>_<index>`: from squeue, else from sacct where the cluster has
 * accounting; a task that neither knows is missing. Throws `ConfigError` where squeue gives no answer.
 */
export function taskStates(jobs: readonly string[]): Map<string, SlurmState> {
  const states = new Map<string, SlurmState>();
  if (jobs.length === 0) return states;
  const list = requireIds(jobs).join(',');
  for (const state of queued(list)?.states ?? []) states.set(state.id, state);
  const { status, stdout } = run('sacct', ['-nPX', '-j', list, '-o', 'JobID,State']);
  if (status === 0) for (const state of statesIn(stdout)) if (!states.has(state.id)) states.set(state.id, state);
  return states;
}

/** Cancels jobs or tasks (`12_3`), of which some may be over. Throws `ConfigError` with the words of scancel. */
export function cancelJobs(ids: readonly string[]): void {
  if (ids.length === 0) return;
  const answer = run('scancel', requireIds(ids));
  const { status, stderr } = answer;
  const faults = stderr
    .split('\n')
    .filter(line => /error/i.test(line) && !/Invalid job id|already complet/i.test(line));
  if (status !== 0 && (faults.length > 0 || stderr.trim() === '')) throw refused('scancel', answer);
}

/** Whether a job has ended; false where SLURM gives no answer. */
export function isJobOver(job: string): boolean {
  if (!isJobId(job)) return false;
  try {
    const answer = queued(job);
    return answer === undefined || (answer.states.length > 0 && answer.states.every(({ phase }) => phase === 'over'));
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

/** MaxArraySize of this cluster; SLURM's default where scontrol does not tell it. */
export function maxArraySize(): number {
  return arraySizeIn(spawnSync('scontrol', ['show', 'config'], { encoding: 'utf8' }).stdout ?? '');
}

/** The answer of squeue about jobs; undefined where it has forgotten all. Throws `ConfigError` for no answer. */
function queued(list: string): { states: SlurmState[] } | undefined {
  // -a: jobs of hidden partitions too. The exit code is also 1 where squeue has forgotten all jobs.
  const answer = run('squeue', ['-a', '-h', '-r', '-t', 'all', '-j', list, '-o', '%i|%T|%r']);
  const { status, stdout, stderr } = answer;
  const states = statesIn(stdout);
  const isForgotten = /Invalid job id/i.test(stderr);
  if (states.length === 0 && isForgotten) return undefined;
  const isSilent = states.length === 0 && /error/i.test(stderr);
  if ((status !== 0 && !isForgotten) || isSilent) throw refused('squeue', answer);
  return { states };
}

/** Ids come from files, and become arguments of a program. Throws `ConfigError`. */
function requireIds(ids: readonly string[]): readonly string[] {
  const wrong = ids.find(id => !isJobId(id));
  if (wrong === undefined) return ids;
  throw new ConfigError(`${JSON.stringify(wrong)} is no id of a SLURM job.`, {
    where: 'sweep.json',
    next: 'The file was changed; its runs are whole: start a new sweep over them with another --name.',
  });
}

interface Answer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, args: readonly string[]): Answer {
  // Variables such as SQUEUE_USERS and SQUEUE_PARTITION would hide jobs.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SQUEUE_')));
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28, env });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
    if (program === 'sacct') return { status: 1, stdout: '', stderr: '' };
    throw new ConfigError(`There is no SLURM here: the program ${program} is missing.`, {
      where: 'PATH',
      next: `Run this on a login node of the cluster${program === 'sbatch' ? ', or take --launcher local' : ''}.`,
    });
  }
  return { status, stdout: stdout ?? '', stderr: stderr || (error?.message ?? '') };
}

/** The remedy for words of SLURM; the first that matches. */
const remedies: readonly (readonly [said: RegExp, next: string])[] = [
  [
    /job array specification/i,
    'The cluster takes smaller arrays (scontrol show config | grep MaxArraySize): make several sweeps of fewer runs.',
  ],
  [
    /MaxSubmit|MaxJobCount|submit limit|job submit|job count/i,
    'The cluster takes no more jobs of yours now: wait until some have ended, or make a sweep of fewer runs.',
  ],
  [
    /unable to contact|connect failure|timed out|refused|not respond/i,
    'SLURM’s controller does not answer, so the state of the jobs is unknown: try again later (`sinfo` shows ' +
      'when it is back).',
  ],
];
const usualRemedy = 'Change the options of --slurm, or see `sinfo` and `squeue` for the state of the cluster.';

function refused(program: string, answer: Answer): ConfigError {
  const said = wordsOf(answer) || 'it gave no reason';
  const next = remedies.find(([pattern]) => pattern.test(said))?.[1] ?? usualRemedy;
  return new ConfigError(`SLURM refused: ${said}`, { where: program, next });
}

/** All output: some programs write their errors to stdout. */
function wordsOf({ stdout, stderr }: Answer): string {
  return oneLine(`${stdout}\n${stderr}`);
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, '; ');
}
