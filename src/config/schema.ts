/**
 * The experiment config: the single source of truth for its keys, types, ranges and defaults, and for the editor's JSON
 * Schema (`gala config schema`). Keys are snake_case as written in YAML. Every key carries a description: the page
 * docs/configs.md and the editor's hints are made of them.
 */
import { z } from 'zod';
import { lossSchema } from '../losses/index.js';
import { positiveInteger, wholeNumber } from '../ranges.js';
import { data } from './schema/data.js';
import { model } from './schema/model.js';
import { experimentName } from './schema/name.js';
import { evaluation, freeze, optim, stages, train } from './schema/training.js';

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
    engine: z
      .enum(['auto', 'tensorflow', 'xla', 'eager'])
      .default('auto')
      .describe('Compute engine; see docs/engines.md.'),
    device: z
      .string()
      .regex(/^(auto|cpu|cuda(:\d{1,3})?)$/, 'auto, cpu, cuda, or cuda:N for the N-th GPU (from 0)')
      .default('auto')
      .describe(
        'auto, cpu, cuda or cuda:N (the N-th GPU, from 0). auto = a GPU where one answers and its plugin is installed.',
      ),
    devices: positiveInteger
      .max(64)
      .default(1)
      .describe(
        'Devices that share each batch (engine xla): GPUs of this machine, from `device` on. Batch statistics are those of the whole batch, unless model.batch_norm_parts says otherwise.',
      ),
    precision: z
      .enum(['auto', 'fp32', 'tf32', 'bf16'])
      .default('auto')
      .describe(
        'tf32: engine xla on a GPU. auto = bf16 where the device has it (CPU: avx512_bf16 or amx; GPU: Ampere or newer), else fp32.',
      ),
    threads: z
      .union([z.literal('auto'), positiveInteger.max(1024)])
      .default('auto')
      .describe('Compute threads; results are bit-exact for one count.'),
    stages: stages.optional(),
  })
  .describe('A gala experiment.');

/** A validated config of one training with every default filled in. */
export type StageConfig = Omit<z.output<typeof configSchema>, 'stages'> & { name: string };
/** An experiment: one training, or the second of two, which starts from the first. */
export type Config = StageConfig & { stages?: { representation: StageConfig } };
export type OptimConfig = Config['optim'];
