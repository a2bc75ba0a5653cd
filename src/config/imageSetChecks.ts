/** Rules between the keys of sets of image files. */
import type { Reader, Report } from './checks.js';
import { hasOwnVal, inputSizeOf, isImageDataset, isOfficial } from './imageSets.js';

/** Keys of sets of image files, and what such a set needs. */
export function checkImageSet({ read, origin, isChanged }: Reader, refuse: Report, warn: Report): void {
  const dataset = read('data.dataset');
  if (typeof dataset !== 'string') return;
  const lists = ['data.train_list', 'data.val_list', 'data.test_list'];
  if (!isImageDataset(dataset)) {
    const others = ['data.image_size', 'data.short_side', 'data.verify', 'data.on_bad_image'];
    for (const key of [...lists, ...others]) {
      if (origin(key) !== undefined) warn(key, `${key} has no effect: ${dataset} is no set of image files`);
    }
    return;
  }
  for (const key of lists) {
    if (dataset === 'image_folder' && origin(key) !== undefined) {
      refuse(key, `${key} is given, but image_folder takes the images from its folders; use data.dataset: image_list`);
    }
    if (dataset === 'image_list' && key !== 'data.val_list' && read(key) === undefined) {
      refuse(
        'data.dataset',
        `data.dataset is image_list, which needs ${key}: a file with a line \`path label\` per image`,
      );
    }
  }
  const factor = read('data.imbalance_factor');
  if (isOfficial(dataset) && typeof factor === 'number' && factor !== 1) {
    refuse(
      'data.imbalance_factor',
      `data.imbalance_factor is ${factor}, but ${dataset} is long-tailed already and is used whole; leave the key out`,
    );
  }
  const { side, shortSide } = inputSizeOf({
    image_size: read('data.image_size') as number | undefined,
    short_side: read('data.short_side') as number | undefined,
  });
  if (shortSide < side) {
    refuse(
      'data.short_side',
      `data.short_side is ${shortSide}, less than the ${side} pixels of data.image_size that are cut out of it`,
    );
  }
  const ownVal = hasOwnVal({ dataset, val_list: read('data.val_list') });
  if (isChanged('eval.val_fraction') && read('eval.select_on') === 'val' && ownVal) {
    warn('eval.val_fraction', `eval.val_fraction has no effect: ${dataset} has a validation split of its own`);
  }
}
