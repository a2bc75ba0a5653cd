import { createRequire } from 'node:module';
import { DataError } from '../../errors.js';
import { type PublishedSet, publishedLists } from './definition.js';

/** Loads zod only for a list: every command imports the table of datasets, and `gala --help` must stay quick. */
function annotationsSchema() {
  const { z } = createRequire(import.meta.url)('zod') as typeof import('zod');
  return z.object({
    images: z.array(z.object({ id: z.number(), file_name: z.string() })),
    annotations: z.array(z.object({ image_id: z.number(), category_id: z.number().int().min(0) })),
  });
}

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
  listOfAnnotations,
} as const satisfies PublishedSet;

/**
 * Makes the train list from the official annotations, `train2018.json`: one line `file_name category_id` per image, in
 * the order of the images, with LF line ends, as facebookresearch/classifier-balancing made the published list. Throws
 * `DataError`.
 */
function listOfAnnotations(json: Uint8Array, where: string): Uint8Array {
  const fault = (what: string, cause?: unknown) =>
    new DataError(`These are not the annotations of iNaturalist 2018: ${what}.`, {
      where,
      next: 'Give train2018.json, or its archive train2018.json.tar.gz (github.com/visipedia/inat_comp, 2018).',
      cause,
    });
  const parsed = annotationsSchema().safeParse(parse(json, fault));
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw fault(`${path.join('.') || 'the whole'}: ${message}`);
  }
  const { images, annotations: labelled } = parsed.data;
  const labels = new Map(labelled.map(({ image_id, category_id }) => [image_id, category_id]));
  const lines = images.map(({ id, file_name }) => {
    const label = labels.get(id);
    if (label === undefined) throw fault(`the image ${file_name} has no category`);
    if (/\s/.test(file_name)) throw fault(`the file name ${JSON.stringify(file_name)} has white space`);
    return `${file_name} ${label}\n`;
  });
  return Buffer.from(lines.join(''));
}

function parse(json: Uint8Array, fault: (what: string, cause: unknown) => DataError): unknown {
  try {
    return JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString('utf8'));
  } catch (error) {
    throw fault((error as Error).message, error);
  }
}
