/** Chooses a training for surveyed images, by gala's own rules, and writes it as a config for a person to edit. */
import { stringify } from 'yaml';
import type { Config } from '../config/schema.js';
import { defaultGroups, groupOf } from '../eval/groups.js';
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

/** Shorter side in pixels up to which the networks of CIFAR fit, which keep the full size in their first layers. */
const smallSide = 64;
/** For fewer training images, a small network on small copies is as good and needs only minutes on a CPU. */
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
    // The statistics of GALA need many steps; with few images the class counts are enough.
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
 * The default bounds where no group is empty; otherwise bounds that divide the classes into three groups. Two classes,
 * and classes with equal counts, have the default bounds.
 */
export function groupsFor(counts: Int32Array): Recipe['groups'] {
  const ascending = [...counts].sort((a, b) => a - b);
  const present = new Set(ascending.map(count => groupOf(count)));
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

/** The text of a config with the name `name`, with comments. */
export function configText(name: string, survey: Survey, recipe: Recipe): string {
  const { data, counts } = survey;
  const images = counts.reduce((sum, count) => sum + count, 0);
  const small = recipe.augment.includes('random_crop');
  const members = groupSizes(counts, recipe);
  const lines = [
    `# Written by gala init for the ${survey.classNames.length} classes in ${data.root}: edit what you know better.`,
    '# All keys: docs/configs.md, or gala config keys.',
    `name: ${word(name)}`,
    'data:',
    `  dataset: ${data.dataset}`,
    `  root: ${word(data.root)}`,
    ...(['train_list', 'val_list', 'test_list'] as const).flatMap(key =>
      data[key] === undefined ? [] : `  ${key}: ${word(data[key])}`,
    ),
    ...(data.split
      ? [
          '  # Shares of each class that are not trained on; subset_seed draws them.',
          `  split: {val: ${data.split.val}, test: ${data.split.test}}`,
        ]
      : []),
    `  image_size: ${recipe.side} # pixels; a larger size sees more and takes longer`,
    ...(small ? [`  short_side: ${recipe.side} # evaluation sees the whole image`] : []),
    `  augment: [${recipe.augment.join(', ')}]`,
    'model:',
    `  backbone: ${recipe.backbone} # trained from random weights`,
    ...(small ? [] : weightsHint(recipe)),
    'loss:',
    `  name: ${recipe.loss} # rare classes count; compare with cross_entropy`,
    'optim:',
    `  learning_rate: ${recipe.learningRate} # fits the batch size: half of it for half of the batch`,
    `  warmup_epochs: ${recipe.warmupEpochs}`,
    'train:',
    `  epochs: ${recipe.epochs}`,
    `  batch_size: ${recipe.batchSize} # ${Math.floor(images / recipe.batchSize)} steps an epoch`,
    'eval:',
    '  select_on: val # the best epoch is chosen, by balanced accuracy, on images of neither training nor test',
    `  # Classes by their training images: ${members.many} many, ${members.medium} medium, ${members.few} few.`,
    `  groups: {many: ${recipe.groups.many}, few: ${recipe.groups.few}}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** How to begin with weights of ImageNet. torchvision has none for ResNet-10. */
function weightsHint({ backbone }: Pick<Recipe, 'backbone'>): string[] {
  return [
    "  # Few images reach more from weights of ImageNet, in a file of torchvision's (docs/weights.md):",
    `  # backbone: ${backbone === 'resnet10' ? 'resnet18' : backbone}`,
    '  # weights: FILE.pth',
    '  # weights_part: backbone',
  ];
}

function groupSizes(counts: Int32Array, { groups }: Pick<Recipe, 'groups'>) {
  const sizes = { many: 0, medium: 0, few: 0 };
  for (const count of counts) sizes[groupOf(count, groups)]++;
  return sizes;
}

function word(text: string): string {
  return stringify(text, { lineWidth: 0 }).trim();
}
