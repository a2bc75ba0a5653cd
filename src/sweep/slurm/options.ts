/**
 * The options of a SLURM job, from `--slurm key=value …` or `slurm:` in a sweep file; submitit's keys without prefix.
 */
import { z } from 'zod';
import { ConfigError } from '../../errors.js';

/** The text as it is written: 0123 is a name, not a number. Numbers come from sweeps of an older gala. */
const text = z.union([z.string(), z.number()], { error: 'one value' }).transform(String);
const matching = (pattern: RegExp, wording: string) => text.pipe(z.string().regex(pattern, wording));
/** A value in a directive: no character ends the value, begins a comment or quotes. */
const word = matching(/^[^\s\p{Cc}'"`$\\#]+$/u, 'one word');
const whole = (least: number, most = Number.MAX_SAFE_INTEGER) => {
  const wording = `a whole number, ${least} ${most === Number.MAX_SAFE_INTEGER ? 'or more' : `to ${most}`}`;
  return matching(/^\d+$/, wording).transform(Number).pipe(z.number().min(least, wording).max(most, wording));
};
const words = z
  .union([z.string(), z.array(z.string())])
  .transform(value => (typeof value === 'string' ? [value] : value));

/** Options of sbatch that gala sets, or has a key for. */
const ownOptions =
  /^(--(time|signal|array|output|error|open-mode|chdir|requeue|no-requeue|wrap|clusters?)(=|\s|$)|-[taoeDM])/;

export const slurmSchema = z.strictObject({
  partition: word.optional(),
  /** In sbatch's forms: minutes, H:MM:SS, D-HH:MM; 0 is no limit. */
  time: matching(/^(\d+-)?\d+(:\d+){0,2}$/, 'minutes, H:MM:SS or D-HH:MM:SS').optional(),
  /** A count, or type:count. */
  gpus: matching(/^([\w.-]+:)?\d+$/, 'a count, or type:count').optional(),
  cpus: whole(1).optional(),
  /** Megabytes without a unit. */
  mem: matching(/^\d+[KMGT]?$/, 'such as 16G').optional(),
  account: word.optional(),
  qos: word.optional(),
  constraint: word.optional(),
  /** Tasks of the array that run at the same time. */
  parallel: whole(1).optional(),
  /** Seconds before the time limit at which the run saves and is queued again. */
  signal_seconds: whole(1, 65535).default(120),
  /** How often a preempted task is queued again. */
  requeues: whole(0).default(10),
  /** Lines of shell before the training, such as `module load cuda`. */
  setup: words.default([]),
  /** Further options of sbatch, such as `--exclude=node3`. */
  extra: words
    .refine(
      options => options.every(option => /^--?[a-zA-Z]\P{Cc}*$/u.test(option)),
      'options of sbatch, such as --exclude=node3',
    )
    .refine(
      options => !options.some(option => ownOptions.test(option)),
      'without what gala sets itself (array, output, error, chdir, requeue, clusters) or has a key for ' +
        '(time, signal_seconds)',
    )
    .default([]),
});

export type SlurmOptions = z.output<typeof slurmSchema>;

/** Names of all options. */
const slurmKeys = Object.keys(slurmSchema.shape);

/** Checks options as they were written; `where` is their place in errors. Throws `ConfigError`. */
export function parseSlurmOptions(values: Readonly<Record<string, unknown>>, where: string): SlurmOptions {
  // null takes an option away, as in a config
  const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
  const result = slurmSchema.safeParse(given);
  if (result.success) {
    refuseShortLimit(result.data, where);
    return result.data;
  }
  const issue = result.error.issues[0]!;
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const key = issue.path.join('.');
  throw new ConfigError(
    unknown === undefined
      ? `The SLURM option ${key} is ${JSON.stringify(values[String(issue.path[0])])}; it must be ${expectation(issue)}.`
      : `There is no SLURM option ${JSON.stringify(unknown)}.`,
    { where, next: `The options are ${slurmKeys.join(', ')}; anything else of sbatch goes into extra.` },
  );
}

/** SLURM may send a signal so much earlier than asked (sbatch(1), --signal). */
const signalEarlySeconds = 60;

/** Warnings about options that are allowed. */
export function slurmWarnings({ time, signal_seconds: lead }: SlurmOptions): string[] {
  const limit = time === undefined ? 0 : limitSeconds(time);
  if (limit === 0 || limit - lead > signalEarlySeconds) return [];
  return [
    `Warning: SLURM may send its signal up to ${signalEarlySeconds} s early, and signal_seconds ${lead} ` +
      `leaves only ${limit - lead} s of the time limit ${time}: an attempt may be stopped as it starts.`,
  ];
}

function refuseShortLimit({ time, signal_seconds: lead }: SlurmOptions, where: string): void {
  const limit = time === undefined ? 0 : limitSeconds(time);
  if (limit === 0 || limit > lead) return;
  throw new ConfigError(
    `The time limit ${time} (${limit} s) is not longer than signal_seconds, ${lead}: every attempt would ` +
      'be stopped as it starts.',
    { where, next: 'Give a longer time, or a smaller signal_seconds: enough for one step, and for saving.' },
  );
}

/** Seconds of a limit as sbatch reads it, rounded up to whole minutes; 0 is no limit. */
export function limitSeconds(time: string): number {
  const [, days, rest] = /^(?:(\d+)-)?(.*)$/.exec(time)!;
  const parts = rest!.split(':').map(Number);
  // With days: hours, hours:minutes, hours:minutes:seconds. Without: minutes, minutes:seconds, hours:minutes:seconds.
  const places = days !== undefined || parts.length === 3 ? [3600, 60, 1] : [60, 1];
  const seconds = parts.reduce((sum, part, i) => sum + part * places[i]!, Number(days ?? 0) * 86_400);
  return Math.ceil(seconds / 60) * 60;
}

/** The expectation in zod's words, which begin with "Invalid input: expected …", or in the words of the schema. */
function expectation(issue: z.core.$ZodIssue): string {
  const issues = issue.code === 'invalid_union' ? issue.errors.flat() : [issue];
  return [...new Set(issues.map(({ message }) => message.replace(/^.*expected (to be )?/, '')))].join(' or ');
}
