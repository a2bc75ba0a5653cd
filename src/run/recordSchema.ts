/**
 * What run.json must hold to be read and written: all that a table, a record, a report or a resumed run relies on.
 * Other keys are kept. The types of a record follow from this schema.
 */
import { z } from 'zod';
import { parseRecorded } from '../config/identity.js';
import type { Config } from '../config/schema.js';
import { experimentName } from '../config/schema.js';
import { rowMethods } from '../eval/resultRow.js';
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

const anyObject = z.looseObject({});

/**
 * A config, and the config of its first stage. Unknown keys are allowed and keys may be missing: `readRecord` fills in
 * the defaults.
 */
const config = z
  .custom<Config>(value => anyObject.safeParse(value).success, 'expected an object')
  .superRefine((recorded, context) => {
    const representation: unknown = recorded.stages?.representation;
    for (const [training, prefix] of [
      [recorded, []],
      ...(recorded.stages === undefined ? [] : [[representation, ['stages', 'representation']] as const]),
    ] as const) {
      const issues = parseRecorded(training).error?.issues ?? [];
      const faults = issues.filter(({ code }) => code !== 'unrecognized_keys');
      if (issues.length > 0) faults.push(...(usedKeys.safeParse(training).error?.issues ?? []));
      for (const { path, message } of faults)
        context.addIssue({ code: 'custom', path: [...prefix, ...path], message: message.replace(/\n.*/s, '') });
    }
  });

/** A split as this run used it. */
const split = z.looseObject({
  images: count,
  /** sha256 of the images and labels the split was read from. */
  fingerprint: z.string(),
  /** sha256 of the chosen indices, for a long-tailed or held-out subset. */
  index_hash: z.string().optional(),
  class_counts: z.array(count).optional(),
  /** Only of image files: `files`, or the size of the packed images that were read instead. */
  images_from: z.string().optional(),
});

const machine = z.looseObject({ cpu: z.string(), cores: z.number(), memory_bytes: z.number(), platform: z.string() });

/** A process that worked on a run: what of it can change the numbers. */
const processSchema = z.looseObject({
  engine: z.looseObject({
    engine: z.string(),
    version: z.string(),
    precision: z.enum(['fp32', 'tf32', 'bf16']),
    threads: z.number(),
    device: z.string(),
    devices: z.number().optional(),
    operations: z.string().optional(),
    instructions: z.string().optional(),
    environment: z.record(z.string(), z.string()).optional(),
  }),
  versions: z.looseObject({ gala: z.string(), node: z.string() }),
  host: machine,
  git: z.looseObject({ commit: z.string(), dirty: z.boolean() }).optional(),
});

/** A process of a run in its own folder, where its machine has a name. */
const ownProcess = {
  ...processSchema.shape,
  host: machine.extend({ name: z.string() }),
  command: z.array(z.string()),
  /** The file that its messages go to, where that is a file: the log of a sweep, of a batch system, of nohup. */
  log: z.string().optional(),
};

const sourceTime = z.looseObject({ run: z.string(), training_seconds: z.number().min(0) });

/** A finished run that another one took its network from: as the first stage, or as a teacher. */
const sourceRun = z.looseObject({
  /** Its folder below that of all runs, `<config name>/<time>-<seed>`. */
  run: z.string(),
  config_hash: z.string(),
  /** Its last one: nothing was chosen on test images on the way. */
  epoch: count,
  /** sha256 of its parameters and batch statistics, in the order of their names. */
  weights_sha256: z.string(),
  /** Seconds in its training steps, which are not in those of the other run. */
  training_seconds: z.number().min(0),
  /** That computed it, those that differ, in their order; absent in records of an older gala. */
  processes: z.array(processSchema).optional(),
  /** Its own first stage and teachers, with theirs; absent without any, and in records of an older gala. */
  sources: z.array(sourceTime).min(1).optional(),
});

/** What the network takes and tells apart: with the weights, all that a prediction needs. */
const network = z.looseObject({
  /** `[height, width, channels]` of an image. */
  image_shape: z.array(count.min(1)).length(3),
  /** Per channel, of pixels in [0, 1]. */
  mean: z.array(z.number()),
  std: z.array(z.number()),
  /** In the order of the labels. */
  class_names: z.array(z.string()).min(1),
});

/** The weights a training began with. */
const weights = z.looseObject({
  file: z.string(),
  format: z.string(),
  /** Of the file. */
  sha256: z.string(),
  part: z.enum(['all', 'backbone', 'matching']),
  /** Entries of the network that the file did not fill: drawn from the seed. */
  drawn: z.array(z.string()),
  /** Entries of the file that the network did not take; of what lies outside of its state dictionary, the keys. */
  unused: z.array(z.string()),
  /** What was done to the weights beside renaming them; absent where that is nothing. */
  notes: z.array(z.string()).optional(),
});

/** Part of the name of a file in `logits/`. */
const word = z.string().regex(/^\w[\w-]*$/, 'expected one word');

const result = z.looseObject({
  run: z.string(),
  split: word,
  checkpoint: word,
  epoch: count.optional(),
  selected_on: z.string().optional(),
  precision: z.string().optional(),
  tau: z.number().optional(),
  method: z.enum(rowMethods).optional(),
  tau_selected_on: z.string().optional(),
  ...scoreShape,
});

/** The epoch with the highest re-balanced accuracy, as metrics.jsonl has it: no logits of it are kept. */
export const rebalancedBestShape = {
  epoch: count,
  /** The split that selected the epoch: test by re-balanced top-1, val by re-balanced balanced accuracy. */
  selected_on: z.string(),
  /** Of the config. */
  tau: z.number(),
  /** On the test images. */
  ...scoreShape,
};

const rebalancedBest = z.looseObject(rebalancedBestShape);

const resume = z.looseObject({
  at: time,
  /** Finished epochs in the checkpoint that training went on from. */
  from_epoch: count,
  ...ownProcess,
});

export const recordSchema = z
  .looseObject({
    format: z.literal(2),
    name: experimentName,
    status: z.enum(['running', 'finished', 'interrupted', 'diverged', 'failed']),
    config,
    /** sha256 of the keys of the config that decide the numbers; see `configHash`. */
    config_hash: z.string(),
    seeds: z.looseObject({ run: count, subset: count }),
    /** Present for a second stage. */
    first_stage: sourceRun.optional(),
    /** The runs that taught this one, in the order of `distill.seeds`; absent without distillation. */
    teachers: z.array(sourceRun).min(1).optional(),
    splits: z
      .object({ train: split.extend({ index_hash: z.string(), class_counts: z.array(count).min(1) }), test: split })
      .catchall(split),
    /** Absent in records of an older gala. */
    network: network.optional(),
    /** Remarks on the files of the data; absent in records of an older gala. */
    notes: z.array(z.string()).optional(),
    /**
     * The absolute folder that the data was last read from. Absent for data that comes with gala, and in records of an
     * older gala.
     */
    data_root: z.string().optional(),
    /** The file of `model.weights`; absent where training began with drawn weights. */
    weights: weights.optional(),
    ...ownProcess,
    /** UTC, ISO 8601. */
    started_at: time,
    updated_at: time,
    finished_at: time.optional(),
    /** Finished epochs. */
    epoch: count,
    /** Seconds in training steps, added up over resumes. */
    training_seconds: z.number().min(0),
    resumes: z.array(resume),
    results: z.array(result),
    /** Every metric that a finished run was scored by; a row without one of them has no such score. */
    metrics: z.array(z.string()).optional(),
    /** The first row's evaluation at the τ with the highest top-1 on the test images. */
    oracle: result.extend({ tau: z.number() }).optional(),
    /** Absent where no split selected the epoch. This and the two above are absent in records of an older gala. */
    rebalanced_best: rebalancedBest.optional(),
    /** Why the status is `diverged` or `failed`. */
    failure: z.string().optional(),
  })
  .refine(({ status, finished_at }) => status === 'running' || finished_at !== undefined, {
    path: ['finished_at'],
    message: 'Invalid input: expected string, received undefined',
  });

/** The keys that a schema names, without the index signature of a loose object; read-only. */
type Known<T> = T extends readonly (infer Element)[]
  ? readonly Known<Element>[]
  : T extends object
    ? { readonly [Key in keyof T as string extends Key ? (unknown extends T[Key] ? never : Key) : Key]: Known<T[Key]> }
    : T;

type Parsed = z.output<typeof recordSchema>;

/** `run.json`. */
export type RunRecord = Omit<Known<Parsed>, 'config'> & { readonly config: Config };
export type SplitRecord = Known<z.output<typeof split>>;
export type NetworkRecord = Known<z.output<typeof network>>;
export type WeightsRecord = Known<z.output<typeof weights>>;
export type RebalancedBest = Known<z.output<typeof rebalancedBest>>;
export type SourceRun = Known<z.output<typeof sourceRun>>;
export type RecordedProcess = Known<z.output<typeof processSchema>>;
