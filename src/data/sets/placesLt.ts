import { imagenetStatistics, type PublishedSet } from './definition.js';

/** Places-LT (Liu et al., CVPR 2019): images of Places365-Standard. */
export const placesLt = {
  name: 'places_lt',
  form: 'published',
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
    'places365standard_easyformat.tar (21 GB, places2.csail.mit.edu, small images in the easy directory ' +
    'structure) holds train/ and val/',
  telltales: [
    {
      entry: 'places365_standard/train',
      says: 'The images are one folder further down: name places365_standard as the root.',
    },
    {
      entry: 'data_256',
      says:
        'This is the archive in letter folders (data_256/a/airfield/…), not the one in the easy directory ' +
        'structure.',
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
} as const satisfies PublishedSet;

/**
 * Sub-classes such as apartment_building/outdoor are nested folders in some archives and joined by a dash in others.
 */
function placesFolders(folder: string): readonly string[] {
  const [split, ...parts] = folder.split('/');
  if (parts.length === 2) return [folder, `${split}/${parts.join('-')}`];
  const name = parts[0] ?? '';
  return parts.length === 1 && name.includes('-') ? [folder, `${split}/${name.replace('-', '/')}`] : [folder];
}
