/** The datasets that a config can name. A new dataset needs a file of its own and a line here. */
import { cifar10 } from './cifar10.js';
import { cifar100 } from './cifar100.js';
import type { CifarArchives, DatasetDefinition, OwnSet, PixelSet, PublishedSet } from './definition.js';
import { fashionMnistLt } from './fashionMnistLt.js';
import { imageFolder, imageList } from './imageFiles.js';
import { imagenetLt } from './imagenetLt.js';
import { inaturalist2018 } from './inaturalist2018.js';
import { placesLt } from './placesLt.js';

const all = [
  cifar100,
  cifar10,
  fashionMnistLt,
  imagenetLt,
  placesLt,
  inaturalist2018,
  imageList,
  imageFolder,
] as const satisfies readonly DatasetDefinition[];

type Definition = (typeof all)[number];
export type DatasetName = Definition['name'];
/** The sets that gala can download. */
export type DownloadableName = Extract<Definition, { readonly archives: object }>['name'];

export const datasetNames = all.map(({ name }) => name) as [DatasetName, ...DatasetName[]];

export const datasets = Object.fromEntries(all.map(set => [set.name, set])) as {
  readonly [Name in DatasetName]: DatasetDefinition;
};

/** Names of the sets for which `has` is true. */
export function namesWhere(has: (set: DatasetDefinition) => boolean): DatasetName[] {
  return datasetNames.filter(name => has(datasets[name]));
}

/** The archives of a set that gala can download. */
export function archivesOf(name: DownloadableName): CifarArchives {
  return all.find((set): set is Extract<Definition, { name: DownloadableName }> => set.name === name)!.archives;
}

/** The definition of a set that comes with gala; undefined for other sets. */
export function bundledSet(name: DatasetName): PixelSet | undefined {
  const set = datasets[name];
  return set.form === 'pixels' && set.bundled !== undefined ? set : undefined;
}

export function publishedSet(name: DatasetName): PublishedSet | undefined {
  const set = datasets[name];
  return set.form === 'published' ? set : undefined;
}

export function ownSet(name: DatasetName): OwnSet | undefined {
  const set = datasets[name];
  return set.form === 'own' ? set : undefined;
}

/** Whether the images are files of any size, which must be decoded. */
export function isImageFiles(name: DatasetName): boolean {
  return datasets[name].form !== 'pixels';
}

/** Whether the images of each split are the files of a folder. */
export function isFolders(name: DatasetName): boolean {
  return ownSet(name)?.imagesOf === 'folders';
}

/** Whether a config gives validation images of its own: a list, a share of the training images or a published list. */
export function hasOwnVal({ dataset, val_list, split }: ValKeys): boolean {
  return val_list !== undefined || (split?.val ?? 0) > 0 || publishedSet(dataset)?.lists.val !== undefined;
}

interface ValKeys {
  readonly dataset: DatasetName;
  readonly val_list?: string | undefined;
  readonly split?: { readonly val?: number | undefined } | undefined;
}
