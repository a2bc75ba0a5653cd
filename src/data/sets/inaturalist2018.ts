import type { PublishedSet } from './definition.js';
import { publishedLists } from './publishedLists.js';

/** iNaturalist 2018 (Van Horn et al., CVPR 2018), long-tailed by nature. */
export const inaturalist2018 = {
  name: 'inaturalist2018',
  form: 'published',
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
  candidatesOf: (folder: string) => [folder],
  archiveOf: () =>
    'train_val2018.tar.gz (120 GB, github.com/visipedia/inat_comp, 2018) holds train_val2018/, which ' +
    'belongs below the root',
  telltales: [
    { entry: 'Plantae/7291', says: 'The root is train_val2018 itself: name the folder above it.' },
    { entry: 'train_val_images', says: 'These are the images of iNaturalist 2017.' },
    { entry: 'train_val2019', says: 'These are the images of iNaturalist 2019.' },
    { entry: 'test2018', says: 'These are the test images of 2018, whose labels are not published.' },
  ],
  statistics: { mean: [0.466, 0.471, 0.38], std: [0.195, 0.194, 0.192] },
  listOfAnnotations: async (json: Uint8Array, where: string) =>
    (await import('../lists/inaturalistAnnotations.js')).listOfAnnotations(json, where),
} as const satisfies PublishedSet;
