/** From the section `model` of a config to its backbone and head. */
import type { Backbone } from './backbone.js';
import { backbones } from './backbones.js';
import { cosineHead, type Head, linearHead, tauNormalizedHead } from './head.js';
import { resnet } from './resnet.js';
import { resnetCifar } from './resnetCifar.js';
import type { ModelConfig } from './schema.js';

type BackboneConfig = Pick<ModelConfig, 'backbone'> & Partial<Pick<ModelConfig, 'batch_norm_parts'>>;

/** The backbone of a config, for images with `channels` channels. */
export function createBackbone({ backbone, batch_norm_parts }: BackboneConfig, channels: number): Backbone {
  const images = { channels, batchNormParts: batch_norm_parts };
  const options = backbones[backbone];
  switch (options.family) {
    case 'cifar_resnet':
      return resnetCifar({ ...options, ...images });
    case 'resnet':
      return resnet({ ...options, ...images });
  }
}

/** The classifier of a config. */
export function createHead({ head, scale, tau }: ModelConfig, featureSize: number, classes: number): Head {
  switch (head) {
    case 'linear':
      return linearHead(featureSize, classes);
    case 'cosine':
      return cosineHead(featureSize, classes, scale);
    case 'tau_normalized':
      return tauNormalizedHead(featureSize, classes, tau);
  }
}

/** True for a head that takes the trained weight of a linear head. */
export function keepsClassifier({ head }: Pick<ModelConfig, 'head'>): boolean {
  return head === 'tau_normalized';
}

/** The factor of the logits of a cosine head; 1 for other heads. */
export function logitScale({ head, scale }: ModelConfig): number {
  return head === 'cosine' ? scale : 1;
}
