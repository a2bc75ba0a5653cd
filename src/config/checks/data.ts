/** Rules between the keys of `data`. */

import type { Augmentation } from '../../data/augment/augmentation.js';
import { inputSizeOf } from '../../data/schema.js';
import { type DatasetName, datasets, isImageFiles, namesWhere, ownSet } from '../../data/sets/index.js';
import type { Check, Report } from './checked.js';

const needColour: readonly Augmentation[] = ['autoaugment_cifar10', 'color_jitter', 'rand_augment'];
const cutFromFiles: readonly Augmentation[] = ['reflect_pad', 'random_resized_crop'];

export const checkData: Check = ({ values: { data } }, { refuse }) => {
  const { dataset, imbalance_factor: factor } = data;
  if (dataset !== undefined && factor !== undefined) {
    const problem = factorProblem(dataset, factor);
    if (problem !== undefined) refuse('data.imbalance_factor', problem);
  }
};

/** What is wrong with an imbalance factor for a dataset. */
function factorProblem(dataset: DatasetName, factor: number): string | undefined {
  const set = datasets[dataset];
  if (factor === 1 || set.form === 'own') return undefined;
  if (set.form === 'published' || set.longTailed !== undefined) {
    const profile =
      set.form === 'published'
        ? ''
        : ` (${set.largestClass} → ${set.largestClass / set.longTailed!} images a class, factor ${set.longTailed})`;
    return (
      `data.imbalance_factor is ${factor}, but ${dataset} is long-tailed already${profile} and is used whole; ` +
      'leave the key out'
    );
  }
  if (factor <= set.largestClass) return undefined;
  return (
    `data.imbalance_factor ${factor} leaves the last class of ${dataset} without an image; ` +
    `it can be at most ${set.largestClass}`
  );
}

export const checkAugmentation: Check = ({ values: { data } }, { refuse }) => {
  const { dataset, augment } = data;
  if (augment === undefined) return;
  if (dataset !== undefined) {
    const coloured = augment.find(name => needColour.includes(name));
    const set = datasets[dataset];
    if (set.form === 'pixels' && set.imageShape.channels === 1 && coloured !== undefined) {
      refuse(
        'data.augment',
        `data.augment has ${coloured}, whose operations need colour, but the images of ${dataset} are gray`,
      );
    }
    checkCropping(augment, dataset, refuse);
  }
  const repeated = augment.find((name, index) => augment.indexOf(name) !== index);
  if (repeated !== undefined) refuse('data.augment', `data.augment lists ${repeated} twice`);
};

/** The first augmentation of image files must cut them to the size that the network takes. */
function checkCropping(augment: readonly Augmentation[], dataset: DatasetName, refuse: Report): void {
  const cuts = augment.filter(name => cutFromFiles.includes(name));
  if (cuts.length === 0) return;
  if (!isImageFiles(dataset)) {
    refuse(
      'data.augment',
      `data.augment has ${cuts[0]}, which cuts image files of any size; the images of ${dataset} have one size`,
    );
  } else if (cuts.at(-1) !== 'random_resized_crop' || cuts.some((name, i) => augment[i] !== name)) {
    refuse(
      'data.augment',
      `data.augment has ${cuts.join(' and ')}, but must begin with random_resized_crop, ` +
        'or with reflect_pad and then random_resized_crop',
    );
  }
}

/** Rules for `data.split`. */
export const checkSplit: Check = ({ values: { data } }, { refuse }) => {
  const { dataset, split } = data;
  if (split === undefined || dataset === undefined) return;
  const { val = 0, test = 0 } = split;
  if (val === 0 && test === 0) return;
  if (dataset !== 'image_folder' && dataset !== 'image_list')
    refuse('data.split', `data.split is for image_folder and image_list; ${dataset} has splits of its own`);
  if (val + test >= 1)
    refuse(
      'data.split',
      `data.split takes ${val} + ${test} of each class away; less than 1 must go, to leave images to train on`,
    );
  for (const part of ['val', 'test'] as const) {
    const list = `data.${part}_list` as const;
    if (split[part] && data[`${part}_list`] !== undefined)
      refuse(list, `${list} and data.split.${part} are both given; leave one of them out`);
  }
};

/** Bounds of the groups of classes. */
export const checkGroups: Check = ({ values }, { refuse }) => {
  const { many, few } = values.eval.groups ?? {};
  if (many !== undefined && few !== undefined && few > many + 1)
    refuse(
      'eval.groups',
      `eval.groups.few is ${few}, above eval.groups.many ${many}: a class would be in both`,
      `eval.groups.few=${many}`,
    );
};

/** Rules for the keys of image files. */
export const checkImageFiles: Check = ({ values: { data }, origin }, { refuse }) => {
  const { dataset } = data;
  if (dataset === undefined) return;
  const lists = ['data.train_list', 'data.val_list', 'data.test_list'] as const;
  if (!isImageFiles(dataset)) return;
  const imagesOf = ownSet(dataset)?.imagesOf;
  if (imagesOf === 'folders') {
    const ofLists = namesWhere(set => set.form === 'own' && set.imagesOf === 'lists').join(' or ');
    for (const key of lists.filter(name => origin(name) !== undefined))
      refuse(key, `${key} is given, but ${dataset} takes the images from its folders; use data.dataset: ${ofLists}`);
  }
  for (const key of ['train_list', 'test_list'] as const) {
    const isDivided = key === 'test_list' && (data.split?.test ?? 0) > 0;
    if (imagesOf === 'lists' && data[key] === undefined && !isDivided) {
      refuse(
        'data.dataset',
        `data.dataset is ${dataset}, which needs data.${key}: a file with a line \`path label\` per image`,
      );
    }
  }
  const { side, shortSide } = inputSizeOf(data);
  if (shortSide < side) {
    refuse(
      'data.short_side',
      `data.short_side is ${shortSide}, less than the ${side} pixels of data.image_size that are cut out of it`,
      `data.short_side=${side}`,
    );
  }
};
