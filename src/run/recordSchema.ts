/** What run.json must hold to be read and written: all that a table, a record, a report or a resumed run relies on. Other keys are kept. */
import { z } from 'zod';
import { experimentName } from '../config/experimentName.js';
import { configOf } from '../config/identity.js';

const count = z.number().int().min(0);
const fraction = z.number().min(0).max(1);
const time = z.iso.datetime();

/** The keys of a config that are read from records, whatever version of gala wrote them. */
const trainingSchema = z.looseObject({
  seed: count,
  data: z.looseObject({
    dataset: z.string(),
    imbalance_factor: z.number(),
    subset_seed: count,
    augment: z.array(z.string()),
  }),
  model: z.looseObject({ backbone: z.string(), head: z.string() }),
  loss: z.looseObject({ name: z.string() }),
  optim: z.looseObject({}),
  train: z.looseObject({ epochs: count, batch_size: count, mixup_alpha: z.number() }),
  freeze: z.looseObject({ backbone: z.boolean() }),
  eval: z.looseObject({ select_on: z.enum(['test', 'val', 'last']), tau: z.number() }),
});

const filledConfigSchema = trainingSchema.extend({
  stages: z.looseObject({ representation: trainingSchema }).optional(),
});

/** A config with the keys that readers use; those that came after it was written have their defaults. */
const config = z.looseObject({}).superRefine((recorded, context) => {
  const { error } = filledConfigSchema.safeParse(configOf({ config: recorded, name: '' }));
  for (const { path, message } of error?.issues ?? []) context.addIssue({ code: 'custom', path, message });
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

const result = z.looseObject({
  split: z.string(),
  checkpoint: z.string().optional(),
  epoch: count.optional(),
  selectedOn: z.string().optional(),
  tau: z.number().optional(),
  top1: fraction,
  many: fraction.optional(),
  medium: fraction.optional(),
  few: fraction.optional(),
});

export const recordSchema = z
  .looseObject({
    format: z.literal(1),
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
