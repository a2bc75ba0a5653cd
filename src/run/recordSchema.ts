/** What run.json must hold to be read and written: all that a table, a record, a report or a resumed run relies on. Other keys are kept. */
import { z } from 'zod';
import { experimentName } from '../config/schema/name.js';
import { configSchema } from '../config/schema.js';
import { scoreShape } from '../eval/scores.js';

const count = z.number().int().min(0);
const time = z.iso.datetime();

/** What readers take from a config that has keys of another version of gala, and so is used as it is. */
const usedKeys = z.looseObject({
  data: z.looseObject({ augment: z.array(z.string()), sampler: z.string() }),
  model: z.looseObject({ head: z.string() }),
  train: z.looseObject({ mixup_alpha: z.number() }),
  freeze: z.looseObject({ backbone: z.boolean() }),
  eval: z.looseObject({ select_on: z.string(), tau: z.number() }),
});

/** A config, and the one of its first stage. Keys that this gala does not know are none of its business, and keys may be missing. */
const config = z.looseObject({}).superRefine((recorded, context) => {
  const { representation } = (recorded.stages ?? {}) as { representation?: unknown };
  for (const [training, prefix] of [
    [recorded, []],
    ...(recorded.stages === undefined ? [] : [[representation, ['stages', 'representation']] as const]),
  ] as const) {
    const issues = configSchema.safeParse(training).error?.issues ?? [];
    const faults = issues.filter(({ code }) => code !== 'unrecognized_keys');
    if (issues.length > 0) faults.push(...(usedKeys.safeParse(training).error?.issues ?? []));
    for (const { path, message } of faults)
      context.addIssue({ code: 'custom', path: [...prefix, ...path], message: message.replace(/\n.*/s, '') });
  }
});

const split = z.looseObject({
  images: count,
  fingerprint: z.string(),
  index_hash: z.string().optional(),
  class_counts: z.array(count).optional(),
});

const processShape = {
  engine: z.looseObject({ engine: z.string(), version: z.string(), precision: z.string(), threads: z.number() }),
  versions: z.looseObject({ gala: z.string(), node: z.string() }),
  host: z.looseObject({ cpu: z.string() }),
  git: z.looseObject({ commit: z.string(), dirty: z.boolean() }).optional(),
};

/** Part of the name of a file in `logits/`. */
const word = z.string().regex(/^\w[\w-]*$/, 'expected one word');

const result = z.looseObject({
  split: word,
  checkpoint: word.optional(),
  epoch: count.optional(),
  selected_on: z.string().optional(),
  precision: z.string().optional(),
  tau: z.number().optional(),
  ...scoreShape,
});

export const recordSchema = z
  .looseObject({
    format: z.literal(2),
    name: experimentName,
    status: z.enum(['running', 'finished', 'interrupted', 'diverged', 'failed']),
    config,
    config_hash: z.string(),
    seeds: z.looseObject({ run: count, subset: count }),
    first_stage: z
      .looseObject({
        run: z.string(),
        config_hash: z.string(),
        epoch: count,
        weights_sha256: z.string(),
        training_seconds: z.number().min(0),
        processes: z.array(z.looseObject(processShape)).optional(),
      })
      .optional(),
    splits: z
      .object({ train: split.extend({ index_hash: z.string(), class_counts: z.array(count).min(1) }), test: split })
      .catchall(split),
    network: z
      .looseObject({
        image_shape: z.array(count.min(1)).length(3),
        mean: z.array(z.number()),
        std: z.array(z.number()),
        class_names: z.array(z.string()).min(1),
      })
      .optional(),
    weights: z.looseObject({ file: z.string(), sha256: z.string(), part: z.string() }).optional(),
    ...processShape,
    command: z.array(z.string()),
    started_at: time,
    updated_at: time,
    finished_at: time.optional(),
    epoch: count,
    training_seconds: z.number().min(0),
    resumes: z.array(z.looseObject({ at: time, from_epoch: count, ...processShape })),
    results: z.array(result),
    failure: z.string().optional(),
  })
  .refine(({ status, finished_at }) => status === 'running' || finished_at !== undefined, {
    path: ['finished_at'],
    message: 'Invalid input: expected string, received undefined',
  });
