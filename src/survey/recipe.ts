/**
 * Which training fits so many images of such a size: gala's own choices, of no paper, written into a config that a
 * person edits.
 */

import type { Config } from '../config/schema.js';
import { defaultGroups } from '../eval/groupBounds.js';
import type { Survey } from './survey.js';

export interface Recipe {
  readonly backbone: Config['model']['backbone'];
  /** Height and width in pixels of the network's input. */
  readonly side: number;
  readonly augment: Config['data']['augment'];
  readonly loss: 'balanced_softmax' | 'gala';
  readonly batchSize: number;
  readonly learningRate: number;
  readonly epochs: number;
  readonly warmupEpochs: number;
  readonly groups: Config['eval']['groups'];
}

/** Images this small get the networks of CIFAR, which keep the full size in their first layers. */
const smallSide = 64;
/** Training images below which a small network on small copies does as well, in minutes on a CPU. */
const fewImages = 3000;

export function recipeFor({ counts, sizes }: Pick<Survey, 'counts' | 'sizes'>): Recipe {
  const images = counts.reduce((sum, count) => sum + count, 0);
  const network = networkFor(images, Math.min(sizes.median.width, sizes.median.height));
  const batchSize = Math.max(2, Math.min(64, largestPowerOfTwo(images / 10)));
  const stepsPerEpoch = Math.floor(images / batchSize);
  const wantedSteps = images < fewImages ? 800 : 6000;
  const epochs = Math.max(30, Math.min(images < fewImages ? 60 : 100, Math.round(wantedSteps / stepsPerEpoch)));
  return {
    ...network,
    // The statistics of GALA need many steps; with few images the counts of the classes say enough.
    loss: images >= fewImages ? 'gala' : 'balanced_softmax',
    batchSize,
    learningRate: Number((0.1 * (batchSize / 64)).toPrecision(3)),
    epochs,
    warmupEpochs: 5,
    groups: groupsFor(counts),
  };
}

function networkFor(images: number, shortSide: number): Pick<Recipe, 'backbone' | 'side' | 'augment'> {
  if (shortSide <= smallSide) {
    const backbone = images < fewImages ? 'resnet20' : 'resnet32';
    const side = Math.max(16, 4 * Math.round(shortSide / 4));
    return { backbone, side, augment: ['random_crop', 'horizontal_flip'] };
  }
  const augment: Recipe['augment'] = ['random_resized_crop', 'horizontal_flip'];
  const multiple = 32 * Math.floor(shortSide / 32);
  if (images < fewImages) return { backbone: 'resnet10', side: Math.min(112, multiple), augment };
  return { backbone: images < 50_000 ? 'resnet18' : 'resnet50', side: Math.min(224, multiple), augment };
}

/**
 * The usual bounds where no group stays empty, else those that part the classes in three; few classes or equal ones
 * keep the usual.
 */
export function groupsFor(counts: Int32Array): Recipe['groups'] {
  const ascending = [...counts].sort((a, b) => a - b);
  const { many, few } = defaultGroups;
  const present = new Set(ascending.map(count => (count > many ? 'many' : count >= few ? 'medium' : 'few')));
  if (present.size === 3 || ascending.length < 3 || ascending[0] === ascending.at(-1)) return defaultGroups;
  const third = Math.round(ascending.length / 3);
  const between = (lower: number) => (ascending[lower]! + ascending[lower + 1]!) / 2;
  return {
    few: Math.ceil(between(third - 1)),
    many: Math.floor(between(ascending.length - 1 - third)),
  };
}

function largestPowerOfTwo(most: number): number {
  return 2 ** Math.floor(Math.log2(Math.max(1, most)));
}
