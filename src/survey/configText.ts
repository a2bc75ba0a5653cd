/** A config for surveyed images, as a person would write and comment it. */
import { stringify } from 'yaml';
import type { Recipe } from './recipe.js';
import type { Survey } from './survey.js';

/** The text of a config file called `name`. */
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
    '  select_on: val # the best epoch is chosen on images that are neither trained on nor tested on',
    `  # Classes by their training images: ${members.many} many, ${members.medium} medium, ${members.few} few.`,
    `  groups: {many: ${recipe.groups.many}, few: ${recipe.groups.few}}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** How to begin with weights of ImageNet; torchvision has none of ResNet-10. */
function weightsHint({ backbone }: Pick<Recipe, 'backbone'>): string[] {
  return [
    "  # Few images reach more from weights of ImageNet, in a file of torchvision's (docs/weights.md):",
    `  # backbone: ${backbone === 'resnet10' ? 'resnet18' : backbone}`,
    '  # weights: FILE.pth',
    '  # weights_part: backbone',
  ];
}

function groupSizes(counts: Int32Array, { groups }: Pick<Recipe, 'groups'>) {
  const many = counts.filter(count => count > groups.many).length;
  const few = counts.filter(count => count < groups.few).length;
  return { many, medium: counts.length - many - few, few };
}

function word(text: string): string {
  return stringify(text, { lineWidth: 0 }).trim();
}
