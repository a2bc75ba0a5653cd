/** What a job asks SLURM for: `--slurm key=value …`, or `slurm:` in a sweep file. The keys are those of submitit, less its prefixes. */
import { z } from 'zod';
import { ConfigError } from '../../errors.js';

/** A text; digits alone are a number in YAML and in `--slurm`. */
const text = z.union([z.string(), z.number()]).transform(String);
const word = text.pipe(z.string().regex(/^[^\s'"`$\\]+$/, 'one word'));
const words = z
  .union([z.string(), z.array(z.string())])
  .transform(value => (typeof value === 'string' ? [value] : value));

export const slurmSchema = z.strictObject({
  partition: word.optional(),
  /** As sbatch takes it: minutes, or H:MM:SS, D-HH:MM. */
  time: z
    .union([z.number().int().min(1), z.string().regex(/^(\d+-)?\d+(:\d+){0,2}$/, 'minutes, H:MM:SS or D-HH:MM:SS')])
    .optional(),
  /** A count, or type:count. */
  gpus: z.union([z.number().int().min(0), z.string().regex(/^[\w.-]+:\d+$/, 'a count, or type:count')]).optional(),
  cpus: z.number().int().min(1).optional(),
  /** Megabytes without a unit. */
  mem: text.pipe(z.string().regex(/^\d+[KMGT]?$/, 'such as 16G')).optional(),
  account: word.optional(),
  qos: word.optional(),
  constraint: word.optional(),
  /** Tasks of the array that run at the same time. */
  parallel: z.number().int().min(1).optional(),
  /** Seconds before the time limit at which the run saves and is queued again. */
  signal_seconds: z.number().int().min(1).max(65535).default(120),
  /** How often a task is queued again. */
  requeues: z.number().int().min(0).default(10),
  /** Lines of shell before the training, such as `module load cuda`. */
  setup: words.default([]),
  /** Further options of sbatch, such as `--exclude=node3`. */
  extra: words
    .refine(
      options => options.every(option => /^--?[a-zA-Z][^\n]*$/.test(option)),
      'options of sbatch, such as --exclude=node3',
    )
    .default([]),
});

export type SlurmOptions = z.output<typeof slurmSchema>;

/** Names of all options. */
const slurmKeys = Object.keys(slurmSchema.shape);

/** Options that were read from YAML; `where` names their place in errors. Throws `ConfigError`. */
export function parseSlurmOptions(values: Readonly<Record<string, unknown>>, where: string): SlurmOptions {
  const result = slurmSchema.safeParse(values);
  if (result.success) return result.data;
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

/** zod's own words start with "Invalid input: expected …"; those given above are the expectation itself. */
function expectation(issue: z.core.$ZodIssue): string {
  const issues = issue.code === 'invalid_union' ? issue.errors.flat() : [issue];
  return issues.map(({ message }) => message.replace(/^.*expected (to be )?/, '')).join(' or ');
}
