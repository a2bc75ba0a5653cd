/** A dataset of images that are decoded when they are wanted: one square input size, whatever sizes they have. */
import { randomFor } from '../../random.js';
import type { Dataset } from '../dataset.js';
import type { Placement } from '../images/fit.js';
import { fitOf } from '../images/fit.js';
import { makeImageReader } from '../images/readImage.js';
import type { Size } from '../images/rgbImage.js';
import { requireSharp } from '../images/sharp.js';
import { preparerOfFiles } from '../pipeline/prepareFiles.js';
import type { ImageFiles } from './imageFiles.js';
import type { ImageLocation } from './location.js';

/** How an image becomes the network's input in evaluation: Resize(shortSide), CenterCrop(side). */
export interface InputSize {
  readonly side: number;
  readonly shortSide: number;
}

export interface StoredDatasetParts {
  readonly name: string;
  readonly classNames: readonly string[];
  readonly length: number;
  readonly labels: Int32Array;
  readonly locate: (index: number) => ImageLocation;
  readonly fingerprint: string;
  readonly form: string;
  readonly size: InputSize;
}

/** The images of a list, read from their files. Throws `EngineError` where nothing is installed that decodes them. */
export function fileDataset(files: ImageFiles, size: InputSize): Dataset {
  requireSharp();
  const { name, classNames, length, labels, fingerprint } = files;
  const locate = (index: number) => ({ path: files.path(index) });
  return storedDataset({ name, classNames, length, labels, locate, fingerprint, form: 'files', size });
}

export function storedDataset({ labels, locate, form, size, ...parts }: StoredDatasetParts): Dataset {
  const { side, shortSide } = size;
  const { read } = makeImageReader();
  const { fit } = fitOf({ augment: [], side, shortSide });
  const random = randomFor('central crop'); // which draws nothing
  return {
    ...parts,
    imageShape: { height: side, width: side, channels: 3 },
    label: index => labels[index]!,
    image: async (index, into) => {
      let placement: Placement | undefined;
      const place = (imageSize: Size) => {
        placement = fit.place(imageSize, random);
        return placement.part;
      };
      fit.render(await read(locate(index), place), placement!, into);
    },
    stored: {
      locate,
      shortSide,
      form,
      preparerOf: recipe => preparerOfFiles(recipe, shortSide),
      worker: new URL('../pipeline/imageWorker.js', import.meta.url),
    },
  };
}
