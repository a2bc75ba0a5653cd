/** Name → backbone. */
import type { Config } from '../config/schema.js';
import type { Backbone } from './backbone.js';
import { cosineHead, type Head, linearHead, tauNormalizedHead } from './head.js';
import { resnet } from './resnet.js';
import { resnetCifar } from './resnetCifar.js';

type Factory = (channels: number) => Backbone;

const backbones: Readonly<Record<Config['model']['backbone'], Factory>> = {
  resnet20: channels => resnetCifar({ depth: 20, channels }),
  resnet32: channels => resnetCifar({ depth: 32, channels }),
  resnet44: channels => resnetCifar({ depth: 44, channels }),
  resnet56: channels => resnetCifar({ depth: 56, channels }),
  resnet10: channels => resnet({ name: 'resnet10', block: 'basic', depths: [1, 1, 1, 1], channels }),
  resnet50: channels => resnet({ name: 'resnet50', block: 'bottleneck', depths: [3, 4, 6, 3], channels }),
  resnet152: channels => resnet({ name: 'resnet152', block: 'bottleneck', depths: [3, 8, 36, 3], channels }),
  resnext50_32x4d: channels =>
    resnet({
      name: 'resnext50_32x4d',
      block: 'bottleneck',
      depths: [3, 4, 6, 3],
      channels,
      groups: 32,
      groupWidth: 4,
    }),
};

/** The backbone of a config for images with so many channels. */
export function createBackbone(model: Pick<Config['model'], 'backbone'>, channels: number): Backbone {
  return backbones[model.backbone](channels);
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
