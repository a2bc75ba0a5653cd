/** The keys of a config that choose the engine: they stand at the top level. */
import { z } from 'zod';
import { positiveInteger } from '../ranges.js';

export const engineKeys = {
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
      'Devices that share each batch (engine xla): GPUs of this machine, from `device` on. Batch statistics ' +
        'are those of the whole batch, unless model.batch_norm_parts says otherwise.',
    ),
  precision: z
    .enum(['auto', 'fp32', 'tf32', 'bf16'])
    .default('auto')
    .describe(
      'tf32: engine xla on a GPU. auto = bf16 where it is faster than fp32 (CPU: AMX, or AMD with avx512_bf16; ' +
        'GPU: Ampere or newer), else fp32.',
    ),
  threads: z
    .union([z.literal('auto'), positiveInteger.max(1024)])
    .default('auto')
    .describe('Compute threads; results are bit-exact for one count.'),
};

/** These keys with every default filled in. */
export type EngineConfig = z.output<z.ZodObject<typeof engineKeys>>;
