/** `model`: backbone, classifier and the weights they begin with. */
import { z } from 'zod';
import { positiveInteger } from '../ranges.js';
import { backboneNames, namesOfFamily } from './backbones.js';

export const model = z
  .strictObject({
    backbone: z
      .enum(backboneNames)
      .describe(
        `${namesOfFamily('cifar_resnet').join(', ')}: CIFAR ResNet (option-A shortcuts); ` +
          `${namesOfFamily('resnet').join(', ')}: as torchvision builds them, for large images.`,
      ),
    head: z
      .enum(['linear', 'cosine', 'tau_normalized'])
      .default('linear')
      .describe(
        'Classifier on the pooled features. cosine: weights and features of length 1, no bias; LDAM needs it. ' +
          'tau_normalized: the classifier of the first stage, each row divided by its length to the power `tau`, ' +
          'without training.',
      ),
    scale: z.number().gt(0).max(1000).default(30).describe('Logits per cosine of the cosine head.'),
    tau: z
      .number()
      .min(0)
      .max(2)
      .default(1)
      .describe('τ of the tau_normalized head; 0 = the trained weight, unchanged.'),
    batch_norm_parts: positiveInteger
      .max(65_536)
      .default(1)
      .describe(
        'Equal parts of a training batch that batch normalisation treats separately. 1 = statistics of the whole ' +
          'batch; the number of `devices` = each device takes the statistics of its own images, as in PyTorch’s ' +
          'DistributedDataParallel. See docs/engines.md.',
      ),
    weights: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Weights file to begin with, relative to the working folder: PyTorch’s .pth, .safetensors, a ' +
          'checkpoint of gala; see docs/weights.md.',
      ),
    weights_part: z
      .enum(['all', 'backbone', 'matching'])
      .default('all')
      .describe(
        'The part of the network that the file must fill: all, the backbone (a new classifier is drawn), or only ' +
          'the entries with the same name and shape (matching).',
      ),
  })
  .describe('The network.');

/** The section `model` of a config with every default filled in. */
export type ModelConfig = z.output<typeof model>;
