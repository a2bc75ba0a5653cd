/** Name → backbone. */
import type { Config } from '../config/schema.js';
import type { Backbone } from './backbone.js';
import { resnetCifar } from './resnetCifar.js';

type Factory = (channels: number) => Backbone;

const backbones: Readonly<Record<Config['model']['backbone'], Factory>> = {
  resnet20: channels => resnetCifar({ depth: 20, channels }),
  resnet32: channels => resnetCifar({ depth: 32, channels }),
  resnet44: channels => resnetCifar({ depth: 44, channels }),
  resnet56: channels => resnetCifar({ depth: 56, channels }),
};

/** The backbone of a config for images with so many channels. */
export function createBackbone(model: Config['model'], channels: number): Backbone {
  return backbones[model.backbone](channels);
}
