/**
 * A list of image files made from formula images, in sizes from smaller than the network's input to larger than the
 * short side.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { sharedBytes, sharedInt32 } from '../../../src/data/dataset.js';
import type { ImageFiles } from '../../../src/data/files/imageFiles.js';
import { imageFiles } from '../../../src/data/files/imageFiles.js';
import { sha256 } from '../../../src/io/hash.js';
import { formulaImage } from '../augment/formulaImage.js';

export const classNames = ['a', 'b', 'c'];

/** Writes `count` images into `folder`, JPEG and PNG in turns; label = index mod 3. */
export async function writeExampleFiles(folder: string, count: number): Promise<ImageFiles> {
  mkdirSync(folder, { recursive: true });
  const names: string[] = [];
  for (let i = 0; i < count; i++) {
    const shape = { height: 20 + ((i * 13) % 60), width: 24 + ((i * 29) % 70), channels: 3 };
    const pixels = formulaImage(shape).map(value => value + 11 * i);
    const image = sharp(pixels, { raw: { height: shape.height, width: shape.width, channels: 3 } });
    names.push(`${i}.${i % 2 === 0 ? 'jpg' : 'png'}`);
    writeFileSync(join(folder, names[i]!), await (i % 2 === 0 ? image.jpeg() : image.png()).toBuffer());
  }
  return listOf(folder, names);
}

/** The files `names` of a folder as a list. */
export function listOf(folder: string, names: readonly string[]): ImageFiles {
  const text = Buffer.from(names.join(''));
  const nameBytes = sharedBytes(text.length);
  nameBytes.set(text);
  const labels = sharedInt32(names.length);
  const nameStarts = sharedInt32(names.length);
  const nameLengths = sharedBytes(names.length);
  let start = 0;
  names.forEach((name, i) => {
    labels[i] = i % 3;
    nameStarts[i] = start;
    nameLengths[i] = name.length;
    start += name.length;
  });
  return imageFiles({
    name: 'example',
    classNames,
    labels,
    fingerprint: sha256(...names),
    table: { folders: [folder], folderOf: sharedInt32(names.length), nameBytes, nameStarts, nameLengths },
  });
}
