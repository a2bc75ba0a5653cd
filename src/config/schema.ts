/**
 * The schema of a config: all keys with type, range, default and description. The table in docs/configs.md and the
 * editor's JSON Schema (`gala config schema`) derive from it. Keys are snake_case, as written in YAML.
 */
import { z } from 'zod';
import { data } from '../data/schema.js';
import { engineKeys } from '../engine/schema.js';
import { defaultGroups } from '../eval/groups.js';
import { lossSchema } from '../losses/index.js';
import { model } from '../models/schema.js';
import { optim } from '../optim/schema.js';
import { fraction, positiveInteger, wholeNumber } from '../ranges.js';
import { namePattern, nameRule } from './experimentName.js';

export const experimentName = z.string().regex(namePattern, nameRule);

const train = z
  .strictObject({
    epochs: wholeNumber
      .max(100_000)
      .describe(
        'Passes over the training subset. 0 = no training: for τ-normalisation, or to evaluate weights from a file.',
      ),
    batch_size: positiveInteger
      .max(65_536)
      .default(64)
      .describe('Images per step; the last partial batch of an epoch is dropped.'),
    accumulate: positiveInteger
      .max(65_536)
      .default(1)
      .describe(
        'Micro-batches per step, for batches that do not fit into the memory; must divide batch_size. See ' +
          'docs/engines.md.',
      ),
    mixup_alpha: z
      .number()
      .min(0)
      .max(100)
      .default(0)
      .describe('α of mixup: images and losses are blended by λ ~ Beta(α, α), one λ per step; 0 = no mixup.'),
    ema_decay: z
      .number()
      .min(0)
      .lt(1)
      .default(0)
      .describe(
        'Decay per step of an exponential moving average of the weights, such as 0.999; evaluation and export ' +
          'use the averages. 0 = no averages.',
      ),
    steps_per_call: z
      .union([z.literal('auto'), positiveInteger.max(1_000_000)])
      .default('auto')
      .describe(
        'Steps per call of the engine, at most an epoch; signals act between calls. auto = 1 on a CPU; on a GPU ' +
          'an epoch or equal parts of it.',
      ),
    checkpoint_every: z
      .union([z.literal('auto'), positiveInteger.max(100_000)])
      .default('auto')
      .describe(
        'Epochs between writes of the `last` checkpoint; the last epoch always writes it. auto = 1 on a ' +
          'CPU; on a GPU after each epoch that ends 10 s or more after the previous write.',
      ),
  })
  .describe('Length of the training, batches, mixup, averages of the weights, and checkpoints.');

const distill = z
  .strictObject({
    teacher: experimentName
      .optional()
      .describe(
        'Name of the config whose finished runs are the teachers, trained on the same images with the same network. ' +
          'When left out, there is no distillation.',
      ),
    seeds: z
      .array(wholeNumber)
      .min(1)
      .max(16)
      .default([0])
      .describe('Seeds of the teachers, one run each; the student learns the mean of their probabilities.'),
    weight: z
      .number()
      .gt(0)
      .max(1)
      .default(0.5)
      .describe('w: the loss is (1 − w) · loss + w · T² · cross-entropy with the probabilities of the teachers.'),
    temperature: z
      .number()
      .min(0.1)
      .max(100)
      .default(2)
      .describe('T: divides the logits of student and teachers before the softmax.'),
  })
  .describe('Knowledge distillation: the network also learns from trained networks; see docs/method.md.');

const freeze = z
  .strictObject({
    backbone: z.boolean().default(false).describe('Train a new classifier only; the backbone keeps its weights.'),
    batch_stats: z
      .boolean()
      .default(false)
      .describe(
        'With a frozen backbone: true = normalise by its running statistics, which do not change; false = ' +
          'normalise by the statistics of the batch, which update them.',
      ),
  })
  .describe('What is not trained.');

const stage = z.record(z.string(), z.unknown());
const stages = z
  .strictObject({
    representation: stage
      .optional()
      .describe('Keys that are different in the first stage; its runs are stored and found under its `name`.'),
    classifier: stage
      .optional()
      .describe(
        'Keys that are different in the second stage. It starts from the last epoch of the first, and its results ' +
          'are those of the experiment.',
      ),
  })
  .describe('Two stages of training; see “Two stages”.');

const evaluation = z
  .strictObject({
    batch_size: positiveInteger
      .max(65_536)
      .default(500)
      .describe(
        'Most images per forward pass of an evaluation. Fewer if the largest split has fewer, or if the images ' +
          'are large (100 of 224 × 224 pixels).',
      ),
    every: positiveInteger
      .max(100_000)
      .default(1)
      .describe('Epochs between evaluations, until `every_epoch_from`; the last epoch is always evaluated.'),
    every_epoch_from: fraction.default(1).describe('Fraction of training after which every epoch is evaluated.'),
    val_fraction: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.1)
      .describe('Share of each class’s training images held out as `val`; used only with select_on: val.'),
    select_on: z
      .enum(['test', 'val', 'last'])
      .default('test')
      .describe(
        'Split that selects the checkpoint `best`: test by plain top-1, val by plain balanced accuracy, because val ' +
          'keeps the long tail of the training set; last = the last epoch, without a selection. Every table names it.',
      ),
    tau: z.number().min(0).max(10).default(1).describe('τ of prediction re-balancing in tables.'),
    groups: z
      .strictObject({
        many: wholeNumber
          .default(defaultGroups.many)
          .describe('Classes with more training images than this are the group many.'),
        few: wholeNumber
          .default(defaultGroups.few)
          .describe('Classes with fewer training images than this are the group few; the others are medium.'),
      })
      .prefault({})
      .describe('Bounds of the groups many, medium and few.'),
  })
  .describe('When and on what the model is evaluated.');

export const configSchema = z
  .strictObject({
    name: experimentName
      .optional()
      .describe(
        'Name of the experiment, not inherited by `extends`; without this key the path of the config below configs/.',
      ),
    seed: wholeNumber.default(0).describe('Seed of initial weights, sampling order and augmentation.'),
    data,
    model,
    loss: lossSchema,
    optim,
    train,
    distill: distill.prefault({}),
    freeze: freeze.prefault({}),
    eval: evaluation.prefault({}),
    ...engineKeys,
    stages: stages.optional(),
  })
  .describe('A gala experiment.');

/** A valid config of one training, with all defaults. */
export type StageConfig = Omit<z.output<typeof configSchema>, 'stages'> & { name: string };
/**
 * The config of an experiment: of its only training, or of its second stage with the config of the first in `stages`.
 */
export type Config = StageConfig & { stages?: { representation: StageConfig } };
