/**
 * Reads the output of sbatch, squeue, sacct and scontrol, around which clusters print banners, warnings, blank lines.
 */

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

const waitingWords = /^(PENDING|REQUEUE\w*|CONFIGURING|SPECIAL_EXIT|RESV_DEL_HOLD|POWER_UP_NODE|EXPEDITING)$/;
const overWords = new Set([
  'BOOT_FAIL',
  'CANCELLED',
  'COMPLETED',
  'DEADLINE',
  'FAILED',
  'LAUNCH_FAILED',
  'NODE_FAIL',
  'OUT_OF_MEMORY',
  'PREEMPTED',
  'RECONFIG_FAIL',
  'REVOKED',
  'TIMEOUT',
]);

/** MaxArraySize of SLURM's own defaults. */
const usualArraySize = 1001;

/** Whether a text is the id of a job or of a task of a job array (32 bits), which scancel and squeue take. */
export function isJobId(text: string): boolean {
  return /^[1-9]\d{0,9}(_\d+)?$/.test(text);
}

/** The job id that `sbatch --parsable` printed; undefined where no line is an id, or lines have different ids. */
export function submittedId(stdout: string): string | undefined {
  const ids = stdout.split('\n').flatMap(line => {
    const found = /^(?:Submitted batch job )?([1-9]\d{0,9})(?:;[\w.-]+| on cluster [\w.-]+)?$/.exec(line.trim());
    return found ? [found[1]!] : [];
  });
  return new Set(ids).size === 1 ? ids[0] : undefined;
}

/**
 * States from the lines `ID|STATE|REASON` of squeue (`%i|%T|%r`) or sacct (`JobID,State`). Waiting tasks of an array
 * share a line, such as `12_[0-3,7%2]`, which gives a state for each task. Where squeue cut the list off, the state
 * `12_*` stands for all tasks.
 */
export function statesIn(stdout: string): SlurmState[] {
  return stdout.split('\n').flatMap(line => {
    const [, job, index, word, reason] =
      /^([1-9]\d*)(?:_(\d+|\[[^|]*))?\|([A-Z_]+)(?: by \S+)?(?:\|(.*))?$/.exec(line.trim()) ?? [];
    if (job === undefined || word === undefined) return [];
    const state = { word, phase: phaseOf(word), ...(reason && reason !== 'None' && { reason }) };
    const only = state.phase === 'waiting' ? state : { word, phase: state.phase };
    return idsOf(job, index).map(id => ({ id, ...only }));
  });
}

/** MaxArraySize from `scontrol show config`, else SLURM's default: the indices of an array are below it. */
export function arraySizeIn(stdout: string): number {
  return Number(/^\s*MaxArraySize\s*=\s*(\d+)\s*$/m.exec(stdout)?.[1] ?? usualArraySize);
}

/** An unknown word counts as running: a job that counts as over would be submitted again. */
function phaseOf(word: string): SlurmState['phase'] {
  if (waitingWords.test(word)) return 'waiting';
  return overWords.has(word) ? 'over' : 'running';
}

function idsOf(job: string, index: string | undefined): string[] {
  if (index === undefined) return [job];
  const list = /^\[((?:\d{1,7}(?:-\d{1,7})?,?)+)(?:%\d+)?\]$/.exec(index)?.[1];
  if (list === undefined) return [`${job}_${index.startsWith('[') ? '*' : index}`];
  return list.split(',').flatMap(range => {
    const [from, to = from] = range.split('-').map(Number);
    return Array.from({ length: Math.max(0, to! - from! + 1) }, (_, i) => `${job}_${from! + i}`);
  });
}
