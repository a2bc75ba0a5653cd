/** The batch script of a sweep: one job array, a task per run. The same sweep and tasks give the same bytes. */
import { join } from 'node:path';
import { signalExitCode } from '../../train/signals.js';
import { resumeFromAnywhere } from '../advice.js';
import { trainCommand } from '../command.js';
import type { Sweep } from '../manifest.js';
import type { SlurmOptions } from './options.js';

/** The script that `sbatch` is given for these tasks of the sweep. */
export function batchScript(sweep: Sweep, options: SlurmOptions, tasks: readonly number[]): string {
  const { directory, manifest } = sweep;
  const command = trainCommand(sweep, join(directory, 'configs', indexMark)).map(quoted);
  return [
    '#!/bin/bash',
    ...directives(sweep, options, tasks).map(directive => `#SBATCH ${directive}`),
    '',
    `# Sweep ${manifest.name} of gala. Task n trains configs/n.yaml, or goes on with the run of that config.`,
    'index=$SLURM_ARRAY_TASK_ID',
    `exit_file=${quoted(join(directory, 'exits'))}/$index`,
    'rm -f "$exit_file"',
    '',
    ...(options.setup.length > 0 ? [...options.setup, ''] : []),
    '# USR1 comes before the time limit (--signal above): the run saves, ends with exit code 138, and the task is queued again.',
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
    `  if [ "\${SLURM_RESTART_COUNT:-0}" -lt ${options.requeues} ]; then`,
    '    echo "Preempted and saved; task $index is queued again."',
    '    scontrol requeue "$SLURM_JOB_ID" && exit 0',
    '  else',
    `    echo "Preempted and saved, but queued again \${SLURM_RESTART_COUNT:-0} times already: "${quoted(resumeFromAnywhere(sweep))}`,
    '  fi',
    'fi',
    'echo "$code" > "$exit_file"',
    'exit "$code"',
    '',
  ].join('\n');
}

/** Stands for `<index>.yaml` while the command is put into quotes. */
const indexMark = '@index@';

function directives({ directory, manifest }: Sweep, options: SlurmOptions, tasks: readonly number[]): string[] {
  const { partition, time, gpus, mem, account, qos, constraint, extra } = options;
  const given = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [`--${name}=${value}`];
  return [
    `--job-name=gala-${manifest.name}`,
    `--array=${arraySpec(tasks)}${options.parallel === undefined ? '' : `%${options.parallel}`}`,
    `--chdir=${inDirective(manifest.cwd)}`,
    `--output=${inDirective(`${join(directory, 'logs').replaceAll('%', '%%')}/%a.log`)}`,
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

/** A path in a directive: in double quotes where a blank or a quote would end it. */
function inDirective(path: string): string {
  return /^[\w./%@:+,=-]+$/.test(path) ? path : `"${path.replaceAll(/["\\]/g, '\\$&')}"`;
}
