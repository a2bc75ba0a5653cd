/** Name → backbone. */
import type { Config } from '../config/schema.js';
import type { Backbone } from './backbone.js';
import { cosineHead, type Head, linearHead, tauNormalizedHead } from './head.js';
import { resnet } from './resnet.js';
import { resnetCifar } from './resnetCifar.js';

type Factory = (images: { readonly channels: number; readonly batchNormParts: number | undefined }) => Backbone;

const backbones: Readonly<Record<Config['model']['backbone'], Factory>> = {
  resnet20: images => resnetCifar({ depth: 20, ...images }),
  resnet32: images => resnetCifar({ depth: 32, ...images }),
  resnet44: images => resnetCifar({ depth: 44, ...images }),
  resnet56: images => resnetCifar({ depth: 56, ...images }),
  resnet10: images => resnet({ name: 'resnet10', block: 'basic', depths: [1, 1, 1, 1], ...images }),
  resnet50: images => resnet({ name: 'resnet50', block: 'bottleneck', depths: [3, 4, 6, 3], ...images }),
  resnet152: images => resnet({ name: 'resnet152', block: 'bottleneck', depths: [3, 8, 36, 3], ...images }),
  resnext50_32x4d: images =>
    resnet({
      name: 'resnext50_32x4d',
      block: 'bottleneck',
      depths: [3, 4, 6, 3],
      groups: 32,
      groupWidth: 4,
      ...images,
    }),
};

type BackboneConfig = Pick<Config['model'], 'backbone'> & Partial<Pick<Config['model'], 'batch_norm_parts'>>;

/** The backbone of a config for images with so many channels. */
export function createBackbone({ backbone, batch_norm_parts }: BackboneConfig, channels: number): Backbone {
  return backbones[backbone]({ channels, batchNormParts: batch_norm_parts });
}

/** The classifier of a config. */
export function createHead({ head, scale, tau }: Config['model'], featureSize: number, classes: number): Head {
  switch (head) {
    case 'linear':
      return linearHead(featureSize, classes);
    case 'cosine':
      return cosineHead(featureSize, classes, scale);
    case 'tau_normalized':
      return tauNormalizedHead(featureSize, classes, tau);
  }
}

/** True for a head that is made of the trained weight of a linear one. */
export function keepsClassifier({ head }: Pick<Config['model'], 'head'>): boolean {
  return head === 'tau_normalized';
}

/** What the head multiplies its cosines by; 1 for the others. */
export function logitScale({ head, scale }: Config['model']): number {
  return head === 'cosine' ? scale : 1;
}
