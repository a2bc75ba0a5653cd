import { imagenetStatistics, type PublishedSet, publishedLists } from './definition.js';

/** ImageNet-LT (Liu et al., CVPR 2019): images of ILSVRC 2012. */
export const imagenetLt = {
  name: 'imagenet_lt',
  form: 'published',
  title: 'ImageNet-LT',
  classes: 1000,
  lists: {
    train: {
      file: 'ImageNet_LT_train.txt',
      images: 115_846,
      gitBlob: 'a063f095fcd475db4cf8b0658c4b73955535bbf9',
      address: `${publishedLists}/ImageNet_LT/ImageNet_LT_train.txt`,
    },
    val: {
      file: 'ImageNet_LT_val.txt',
      images: 20_000,
      sha256: '9af7ba688acf9532ff5845a8fb14a1e97fdc4c51ac48bc72c08ea9c3f7ff142e',
    },
    test: {
      file: 'ImageNet_LT_test.txt',
      images: 50_000,
      sha256: 'd1590191cf8a71fada7b1aaedaa2d139a2aea93ff2f1b755319d0bd8dbaa55d5',
    },
  },
  classCounts: 'ImageNet_LT.class_counts.json',
  // The archive of the validation images has one flat folder; the lists have a folder for each class.
  candidatesOf: (folder: string) => (folder.startsWith('val/') ? [folder, 'val'] : [folder]),
  archiveOf: (folder: string) =>
    folder.startsWith('val')
      ? 'ILSVRC2012_img_val.tar (6.7 GB, image-net.org) belongs in val/, flat or in folders of the classes'
      : 'ILSVRC2012_img_train.tar (147 GB, image-net.org) belongs in train/, each of its 1,000 inner archives ' +
        'in a folder of its name (train/n01440764/…)',
  telltales: [
    {
      entry: 'train/n01440764.tar',
      says: 'train/ holds the inner archives still packed: unpack each into a folder of its name.',
    },
    { entry: 'wnids.txt', says: 'This is Tiny ImageNet (200 classes of 64×64); ImageNet-LT needs ILSVRC 2012.' },
    {
      entry: 'train_data_batch_1',
      says: 'This is downsampled ImageNet; ImageNet-LT needs the JPEG files of ILSVRC 2012.',
    },
    {
      entry: 'ILSVRC/Data/CLS-LOC/train',
      says: 'This is the archive of the Kaggle competition: name its folder ILSVRC/Data/CLS-LOC as the root.',
    },
    {
      entry: 'Data/CLS-LOC/train',
      says: 'This is ILSVRC’s CLS-LOC archive: name its folder Data/CLS-LOC as the root.',
    },
    {
      entry: 'n01440764',
      says: 'The folders of the classes lie in the root itself: name the folder above train/ as the root.',
    },
  ],
  statistics: imagenetStatistics,
} as const satisfies PublishedSet;
