/**
 * The experiment config: the single source of truth for its keys, types, ranges and defaults, and for the editor's JSON
 * Schema (`gala config schema`). Keys are snake_case as written in YAML. Every key carries a description: the page
 * docs/configs.md and the editor's hints are made of them.
 */
import { z } from 'zod';
import { data } from '../data/schema.js';
import { engineKeys } from '../engine/schema.js';
import { lossSchema } from '../losses/index.js';
import { model } from '../models/schema.js';
import { optim } from '../optim/schema.js';
import { wholeNumber } from '../ranges.js';
import { experimentName } from './schema/name.js';
import { evaluation, freeze, stages, train } from './schema/training.js';

export const configSchema = z
  .strictObject({
    name: experimentName
      .optional()
      .describe('Name of the experiment, not inherited by `extends`; the config’s path below configs/ when left out.'),
    seed: wholeNumber.default(0).describe('Seed of initial weights, sampling order and augmentation.'),
    data,
    model,
    loss: lossSchema,
    optim,
    train,
    freeze: freeze.prefault({}),
    eval: evaluation.prefault({}),
    ...engineKeys,
    stages: stages.optional(),
  })
  .describe('A gala experiment.');

/** A validated config of one training with every default filled in. */
export type StageConfig = Omit<z.output<typeof configSchema>, 'stages'> & { name: string };
/** An experiment: one training, or the second of two, which starts from the first. */
export type Config = StageConfig & { stages?: { representation: StageConfig } };
