/** The large long-tailed sets as facts: their lists, where their images lie in the official archives, what a wrong archive looks like. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageSetName } from '../config/imageSets.js';
import { bundledFolder } from './bundled.js';
import type { FolderCandidates } from './files/locateFiles.js';

export type ImageSplit = 'train' | 'val' | 'test';

export interface OfficialList {
  /** Name of the unpacked file, as the field's repositories call it. */
  readonly file: string;
  readonly images: number;
  /** sha256 of the unpacked text with LF line ends, for the lists that come with gala. */
  readonly sha256?: string;
  /** git's id of the distributed file, sha1 of `blob <bytes>\0` and the content, for the lists that do not. */
  readonly gitBlob?: string;
  /** Where the file with that id is published. */
  readonly address?: string;
}

export interface Statistics {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export interface ImageSet {
  readonly name: ImageSetName;
  readonly title: string;
  readonly classes: number;
  readonly lists: { readonly train: OfficialList; readonly val?: OfficialList; readonly test: OfficialList };
  /** File of the training images per class, in label order. */
  readonly classCounts: string;
  readonly candidatesOf: FolderCandidates;
  /** Which archive holds a folder of the lists, and how to unpack it. */
  archiveOf(folder: string): string;
  /** Something below the root that gives away another archive, and what it says. */
  readonly telltales: readonly { readonly entry: string; readonly says: string }[];
  /** Per channel, of pixels in [0, 1]. */
  readonly statistics: Statistics;
}

/** Of the ILSVRC 2012 training images, as torchvision's models use them. */
export const imagenetStatistics: Statistics = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** The repository of "Decoupling representation and classifier" (Kang et al., ICLR 2020) at the commit whose files have the ids below. */
const publishedLists =
  'https://raw.githubusercontent.com/facebookresearch/classifier-balancing/f162adef63fdf592d0b8a0f6e52bc481fc08785f/data';

const imagenetLt: ImageSet = {
  name: 'imagenet_lt',
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
  // The archive of the validation images unpacks into one flat folder; the lists have them in folders of their classes.
  candidatesOf: folder => (folder.startsWith('val/') ? [folder, 'val'] : [folder]),
  archiveOf: folder =>
    folder.startsWith('val')
      ? 'ILSVRC2012_img_val.tar (6.7 GB, image-net.org) belongs in val/, flat or in folders of the classes'
      : 'ILSVRC2012_img_train.tar (147 GB, image-net.org) belongs in train/, each of its 1,000 inner archives in a folder of its name (train/n01440764/…)',
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
};

const placesLt: ImageSet = {
  name: 'places_lt',
  title: 'Places-LT',
  classes: 365,
  lists: {
    train: {
      file: 'Places_LT_train.txt',
      images: 62_500,
      sha256: '981eb2a3aca124826ee016df1d75fa42d9fd72ada3b5b723c402d0593593790e',
    },
    val: {
      file: 'Places_LT_val.txt',
      images: 7_300,
      sha256: 'c27e5d755960932fca355e7d644e455474a9d02340b6ad28aafbcb7b7cb7ab71',
    },
    test: {
      file: 'Places_LT_test.txt',
      images: 36_500,
      sha256: '44eee8441c8098c59195465abede425721bc35525d75209f9433b161a6eb37bc',
    },
  },
  classCounts: 'Places_LT.class_counts.json',
  candidatesOf: placesFolders,
  archiveOf: () =>
    'places365standard_easyformat.tar (21 GB, places2.csail.mit.edu, small images in the easy directory structure) holds train/ and val/',
  telltales: [
    {
      entry: 'places365_standard/train',
      says: 'The images are one folder further down: name places365_standard as the root.',
    },
    {
      entry: 'data_256',
      says: 'This is the archive in letter folders (data_256/a/airfield/…), not the one in the easy directory structure.',
    },
    { entry: 'data_large', says: 'This is the archive of the large images, not places365standard_easyformat.tar.' },
    {
      entry: 'val_256',
      says: 'This is the archive of the validation images in one folder, not the easy directory structure.',
    },
    {
      entry: 'airfield',
      says: 'The folders of the classes lie in the root itself: name the folder above train/ as the root.',
    },
  ],
  statistics: imagenetStatistics,
};

const inaturalist2018: ImageSet = {
  name: 'inaturalist2018',
  title: 'iNaturalist 2018',
  classes: 8142,
  lists: {
    train: {
      file: 'iNaturalist18_train.txt',
      images: 437_513,
      gitBlob: '4accdb7584d2f0a5106c40a33ed6afa392189bcc',
      address: `${publishedLists}/iNaturalist18/iNaturalist18_train.txt`,
    },
    test: {
      file: 'iNaturalist18_val.txt',
      images: 24_426,
      sha256: 'efaeff65f80641b60864470e6f255aa69453406ef5717eec8c6681748f3a61f3',
    },
  },
  classCounts: 'iNaturalist18.class_counts.json',
  candidatesOf: folder => [folder],
  archiveOf: () =>
    'train_val2018.tar.gz (120 GB, github.com/visipedia/inat_comp, 2018) holds train_val2018/, which belongs below the root',
  telltales: [
    { entry: 'Plantae/7291', says: 'The root is train_val2018 itself: name the folder above it.' },
    { entry: 'train_val_images', says: 'These are the images of iNaturalist 2017.' },
    { entry: 'train_val2019', says: 'These are the images of iNaturalist 2019.' },
    { entry: 'test2018', says: 'These are the test images of 2018, whose labels are not published.' },
  ],
  statistics: { mean: [0.466, 0.471, 0.38], std: [0.195, 0.194, 0.192] },
};

export const imageSets: Readonly<Record<ImageSetName, ImageSet>> = {
  imagenet_lt: imagenetLt,
  places_lt: placesLt,
  inaturalist2018,
};

/** Sub-classes such as apartment_building/outdoor are folders in some distributions and joined by a dash in others. */
function placesFolders(folder: string): readonly string[] {
  const [split, ...parts] = folder.split('/');
  if (parts.length === 2) return [folder, `${split}/${parts.join('-')}`];
  const name = parts[0] ?? '';
  return parts.length === 1 && name.includes('-') ? [folder, `${split}/${name.replace('-', '/')}`] : [folder];
}

/** Training images per class of a set, in label order, as published. */
export function publishedClassCounts(set: ImageSet): Int32Array {
  return Int32Array.from(JSON.parse(readFileSync(join(bundledFolder('lists'), set.classCounts), 'utf8')) as number[]);
}
