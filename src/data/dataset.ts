/** Where image bytes come from; nothing here knows about batches, augmentation or engines. */

export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

export interface Dataset {
  readonly name: string;
  readonly classNames: readonly string[];
  /** Number of images. */
  readonly length: number;
  /** Shape of one image; bytes are HWC, uint8. */
  readonly imageShape: ImageShape;
  /** Class of image `index`, in [0, classNames.length). */
  label(index: number): number;
  /** Writes the HWC bytes of image `index` into `into` (length height·width·channels). */
  image(index: number, into: Uint8Array): void | Promise<void>;
  /** sha256 (hex) that identifies the images and labels this dataset was read from. */
  readonly fingerprint: string;
}

/** Images per class, in label order, as `long-tailed` papers call the prior. */
export function classCounts(dataset: Pick<Dataset, 'length' | 'label' | 'classNames'>): Int32Array {
  const counts = new Int32Array(dataset.classNames.length);
  for (let i = 0; i < dataset.length; i++) counts[dataset.label(i)]!++;
  return counts;
}
