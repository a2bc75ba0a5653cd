/** The batch script of a sweep: a job array with a task per run. The same sweep and tasks give the same bytes. */
import { join } from 'node:path';
import { ConfigError } from '../../errors.js';
import { signalExitCode } from '../../train/signals.js';
import { resumeFromAnywhere, trainCommand } from '../command.js';
import type { Sweep } from '../manifest.js';
import type { SlurmOptions } from './options.js';

/** The tasks of one job array: task `first + i` of the sweep is task `i` of the array. */
export interface ArrayPart {
  readonly first: number;
  readonly tasks: readonly number[];
  /** Digits of the largest index in an array that is one of several. */
  readonly digits: number;
}

/**
 * Divides tasks into job arrays whose indices are below `arraySize`, SLURM's MaxArraySize. Each array begins at a
 * multiple of a power of ten, so that the array's number and the digits of the index make the name of a task's log.
 * Throws `ConfigError` where an array cannot have 10 tasks.
 */
export function arrayParts(tasks: readonly number[], arraySize: number): ArrayPart[] {
  const digits = Math.floor(Math.log10(Math.max(1, arraySize)));
  const size = tasks.every(index => index < arraySize) ? Number.POSITIVE_INFINITY : 10 ** digits;
  if (size < 10) {
    throw new ConfigError(`Job arrays of this cluster are too small: MaxArraySize is ${arraySize}.`, {
      where: 'scontrol show config',
      next: 'Make sweeps of fewer runs, or ask those who run the cluster for a larger MaxArraySize.',
    });
  }
  const partOf = (index: number) => Math.floor(index / size);
  return [...new Set(tasks.map(partOf))].map(part => ({
    first: part === 0 ? 0 : part * size,
    tasks: tasks.filter(index => partOf(index) === part),
    digits,
  }));
}

/**
 * The script for `sbatch` that runs a part of the tasks. Throws `ConfigError` for a path that no directive can hold.
 */
export function batchScript(sweep: Sweep, options: SlurmOptions, part: ArrayPart): string {
  const { directory, manifest } = sweep;
  const command = trainCommand(sweep, join(directory, 'configs', indexMark)).map(quoted);
  return [
    '#!/bin/bash',
    ...directives(sweep, options, part).map(directive => `#SBATCH ${directive}`),
    '',
    `# Sweep ${manifest.name} of gala. Task n trains configs/n.yaml, or goes on with the run of that config.`,
    part.first === 0 ? 'index=$SLURM_ARRAY_TASK_ID' : `index=$((SLURM_ARRAY_TASK_ID + ${part.first}))`,
    `exit_file=${quoted(join(directory, 'exits'))}/$index`,
    'rm -f "$exit_file"',
    '',
    ...(options.setup.length > 0 ? [...options.setup, ''] : []),
    '# USR1 comes before the time limit (--signal above): the run saves, ends with exit code 138, and the ' +
      'task is queued again.',
    '# TERM (scancel, the limit itself) goes to the run as well; this shell only waits for it.',
    'preempted=',
    "trap 'preempted=1' USR1",
    'trap : TERM',
    '',
    `${command.join(' ').replace(`${indexMark}'`, `'"$index".yaml`)} &`,
    'run=$!',
    'while kill -0 "$run" 2>/dev/null; do',
    '  # Again and again: a run that has only just begun does not listen yet.',
    '  if [ -n "$preempted" ]; then kill -USR1 "$run" 2>/dev/null; sleep 2; else wait "$run"; fi',
    'done',
    'wait "$run"',
    'code=$?',
    '',
    `if [ "$code" = ${signalExitCode('SIGUSR1')} ]; then`,
    `  restarts=\${SLURM_RESTART_COUNT:-0}`,
    `  if [ "$restarts" -lt ${options.requeues} ]; then`,
    '    echo "Preempted and saved; task $index is queued again."',
    '    scontrol requeue "$SLURM_JOB_ID" && exit 0',
    '  else',
    `    echo "Preempted and saved, but queued again $restarts times already: "${quoted(resumeFromAnywhere(sweep))}`,
    '  fi',
    'fi',
    'echo "$code" > "$exit_file"',
    'exit "$code"',
    '',
  ].join('\n');
}

/** Stands for `<index>.yaml` while the command is quoted. */
const indexMark = '@index@';

function directives({ directory, manifest }: Sweep, options: SlurmOptions, part: ArrayPart): string[] {
  const { partition, time, gpus, mem, account, qos, constraint, extra } = options;
  const given = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [`--${name}=${value}`];
  const indices = arraySpec(part.tasks.map(index => index - part.first));
  return [
    `--job-name=gala-${manifest.name}`,
    `--array=${indices}${options.parallel === undefined ? '' : `%${options.parallel}`}`,
    `--chdir=${inDirective(manifest.cwd)}`,
    `--output=${inDirective(`${join(directory, 'logs').replaceAll('%', '%%')}/${logName(part)}`)}`,
    '--open-mode=append',
    '--requeue',
    `--signal=B:USR1@${options.signal_seconds}`,
    ...given('partition', partition),
    ...given('time', time),
    ...given('gres', gpus === undefined ? undefined : `gpu:${gpus}`),
    ...given('cpus-per-task', options.cpus ?? 1),
    ...given('mem', mem),
    ...given('account', account),
    ...given('qos', qos),
    ...given('constraint', constraint),
    ...extra,
  ];
}

/** `0-3,7` for 0, 1, 2, 3, 7. */
export function arraySpec(indices: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const index of [...indices].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && index === last[1] + 1) last[1] = index;
    else ranges.push([index, index]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** `%a.log`; for the array that begins at 2000 `2%3a.log`, where SLURM pads the index to three digits. */
function logName({ first, digits }: ArrayPart): string {
  return first === 0 ? '%a.log' : `${first / 10 ** digits}%${digits}a.log`;
}

/**
 * A path in a directive, in double quotes where a character would end it. Throws `ConfigError` for an unusable path.
 */
function inDirective(path: string): string {
  // A line break ends the directive, and bash would run what follows; a backslash turns SLURM's %a off.
  if (/[\p{Cc}\\]/u.test(path)) {
    throw new ConfigError(
      'A batch script for SLURM cannot hold this path: it has a line break, another control character or a backslash.',
      {
        where: JSON.stringify(path),
        next: 'Give another --runs, or start the sweep in another folder.',
      },
    );
  }
  return /^[\w./%@:+,=-]+$/.test(path) ? path : `"${path.replaceAll('"', '\\"')}"`;
}
