/** Features in the place of images: the bytes of an image are the float32 features that a backbone makes of it. */
import type { HostTensors } from '../tensor.js';
import type { Dataset } from './dataset.js';
import { everyRow, sharedBytes, sharedDataset, sharedInt32 } from './pipeline/sharedDataset.js';

const bytesPerNumber = 4;

/** Memory for the features of `images` images, `[images, featureSize]`, that worker threads can see. */
export function sharedFeatures(images: number, featureSize: number): Float32Array {
  return new Float32Array(sharedBytes(images * featureSize * bytesPerNumber).buffer);
}

/** The images of `dataset` as their `features` `[length, featureSize]`, which lie in `sharedFeatures`. */
export function featureDataset(dataset: Dataset, features: Float32Array): Dataset {
  const { name, classNames, fingerprint, length } = dataset;
  const featureSize = features.length / length;
  const labels = sharedInt32(length);
  for (let i = 0; i < length; i++) labels[i] = dataset.label(i);
  const parts = {
    name,
    classNames,
    fingerprint,
    imageShape: { height: 1, width: 1, channels: featureSize * bytesPerNumber },
    shared: { pixels: new Uint8Array(features.buffer), rows: everyRow(length), labels },
  };
  return { ...sharedDataset(parts), featureSize };
}

/**
 * The input of a program for images that are given by their bytes, with `leading` axes such as `[B]`: `images` or
 * `features`.
 */
export function inputOf(
  { imageShape, featureSize }: Dataset,
  leading: readonly number[],
  bytes: Uint8Array,
): HostTensors {
  if (featureSize !== undefined) {
    const data = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / bytesPerNumber);
    return { features: { dtype: 'float32', shape: [...leading, featureSize], data } };
  }
  const { height, width, channels } = imageShape;
  return { images: { dtype: 'uint8', shape: [...leading, height, width, channels], data: bytes } };
}
