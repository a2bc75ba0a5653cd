/** Datasets of images that are decoded when they are needed, and fitted to one square input size. */
import type { StoredDataset } from '../dataset.js';
import { requireSharp } from '../images/sharp.js';
import type { InputSize } from '../schema.js';
import type { ImageFiles } from './imageFiles.js';

interface StoredDatasetParts
  extends Pick<StoredDataset, 'name' | 'classNames' | 'fingerprint'>,
    Pick<StoredDataset['stored'], 'locate' | 'form'> {
  /** Class of each image. */
  readonly labels: Int32Array;
  readonly size: InputSize;
}

/** The images of a list, read from their files. Throws `EngineError` where sharp is not installed. */
export function fileDataset(files: ImageFiles, size: InputSize): StoredDataset {
  requireSharp();
  const { name, classNames, labels, fingerprint } = files;
  return storedDataset({
    ...{ name, classNames, labels, fingerprint, size },
    locate: index => ({ path: files.path(index) }),
    form: 'files',
  });
}

export function storedDataset({ labels, locate, form, size, ...parts }: StoredDatasetParts): StoredDataset {
  return {
    ...parts,
    length: labels.length,
    imageShape: { height: size.side, width: size.side, channels: 3 },
    label: index => labels[index]!,
    stored: { locate, shortSide: size.shortSide, form },
  };
}
