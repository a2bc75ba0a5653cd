/**
 * Small trees of JPEG files in the layouts of the official archives, with lists in their form. The pictures come from a
 * formula that tells the classes apart, so that a network can learn them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';

interface TreeImage {
  /** Path in the list, as the official one has it. */
  readonly listed: string;
  /** Path on disk, where it is another one. */
  readonly path?: string;
  readonly label: number;
}

export interface ImageTree {
  readonly train: readonly TreeImage[];
  readonly val?: readonly TreeImage[];
  readonly test: readonly TreeImage[];
}

/** Training images of a class: long-tailed, 12, 6, 4, 3 … */
const trainingImages = (label: number) => Math.ceil(12 / (label + 1));
const testImages = 3;
const everyClass = (classes: number) => Array.from({ length: classes }, (_, label) => label);

/**
 * ILSVRC 2012: train/WNID/WNID_N.JPEG; the validation images flat, as their archive unpacks, or in folders of the
 * classes.
 */
export function imagenetTree(classes: number, { flat }: { flat: boolean }): ImageTree {
  const wnid = (label: number) => `n0144${String(7640 + label).padStart(4, '0')}`;
  let number = 0;
  return {
    ...trainAndVal(classes, (label, i) => `train/${wnid(label)}/${wnid(label)}_${i}.JPEG`),
    test: everyClass(classes).flatMap(label =>
      Array.from({ length: testImages }, () => {
        const file = `ILSVRC2012_val_${String(++number).padStart(8, '0')}.JPEG`;
        const listed = `val/${wnid(label)}/${file}`;
        return { listed, label, ...(flat && { path: `val/${file}` }) };
      }),
    ),
  };
}

/** Places365, easy directory structure: every second class is a sub-class, in folders or joined by a dash on disk. */
export function placesTree(classes: number, { dash }: { dash: boolean }): ImageTree {
  const name = (label: number, joint: string) => (label % 2 === 0 ? `place${label}` : `place${label}${joint}outdoor`);
  const onDisk = (split: string, label: number, file: string) => ({
    path: `${split}/${name(label, dash ? '-' : '/')}/${file}`,
  });
  const { train, val } = trainAndVal(
    classes,
    (label, i) => `train/${name(label, '/')}/${String(i).padStart(8, '0')}.jpg`,
  );
  const moved = (image: TreeImage) => ({ ...image, ...onDisk('train', image.label, image.listed.split('/').at(-1)!) });
  return {
    train: train.map(moved),
    val: val.map(moved),
    test: everyClass(classes).flatMap(label =>
      Array.from({ length: testImages }, (_, i) => {
        const file = `Places365_val_${String(100 * label + i).padStart(8, '0')}.jpg`;
        return { listed: `val/${name(label, '-')}/${file}`, label, ...onDisk('val', label, file) };
      }),
    ),
  };
}

/** iNaturalist 2018: train_val2018/SUPERCATEGORY/CLASS/HASH.jpg for all splits. */
export function inaturalistTree(classes: number): ImageTree {
  const path = (label: number, i: number) =>
    `train_val2018/${label % 2 ? 'Aves' : 'Plantae'}/${label}/${String(i).padStart(32, '0')}.jpg`;
  return {
    train: trainAndVal(classes, path).train,
    test: everyClass(classes).flatMap(label =>
      Array.from({ length: testImages }, (_, i) => ({ listed: path(label, 900 + i), label })),
    ),
  };
}

/** A folder a class below train/ and test/. */
export function folderTree(classes: number): ImageTree {
  const path = (split: string) => (label: number, i: number) =>
    `${split}/class${label}/${String(i).padStart(3, '0')}.jpg`;
  return {
    train: trainAndVal(classes, path('train')).train,
    test: everyClass(classes).flatMap(label =>
      Array.from({ length: testImages }, (_, i) => ({ listed: path('test')(label, i), label })),
    ),
  };
}

/** Writes the images below `root`, and `train.txt`, `val.txt`, `test.txt` beside them. */
export async function writeTree(root: string, tree: ImageTree): Promise<string> {
  const { train, val, test } = tree;
  for (const [split, images] of Object.entries({ train, val, test })) {
    if (images === undefined) continue;
    for (const [i, { listed, path = listed, label }] of images.entries()) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      await writePicture(join(root, path), label, i);
    }
    writeFileSync(join(root, `${split}.txt`), images.map(({ listed, label }) => `${listed} ${label}\n`).join(''));
  }
  return root;
}

/** A JPEG of 44×36 pixels or so: a class has a colour and stripes of a direction, an image its size and brightness. */
export async function writePicture(path: string, label: number, number: number): Promise<void> {
  const [width, height] = [44 + (number % 3), 36 + (number % 5)];
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const stripe = ((label % 2 ? x : y) >> 2) % 2 ? 40 : 0;
      for (let c = 0; c < 3; c++) pixels[at++] = ((label * 97 + c * 61 * (label + 1)) % 200) + stripe + (number % 16);
    }
  }
  await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toFile(path);
}

function trainAndVal(
  classes: number,
  path: (label: number, i: number) => string,
): { train: TreeImage[]; val: TreeImage[] } {
  const images = (label: number, first: number, count: number) =>
    Array.from({ length: count }, (_, i) => ({ listed: path(label, first + i), label }));
  return {
    train: everyClass(classes).flatMap(label => images(label, 1, trainingImages(label))),
    val: everyClass(classes).flatMap(label => images(label, 500, 2)),
  };
}
