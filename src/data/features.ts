/** Datasets of features: the bytes of an image are the float32 features that a backbone computes from it. */
import type { HostTensors } from '../tensor.js';
import { type Dataset, everyRow, type SharedDataset, sharedBytes, sharedDataset, sharedInt32 } from './dataset.js';

const bytesPerNumber = 4;

/** Shared memory for features, `[images, featureSize]`. */
export function sharedFeatures(images: number, featureSize: number): Float32Array {
  return new Float32Array(sharedBytes(images * featureSize * bytesPerNumber).buffer);
}

/** `dataset` with `features`, `[length, featureSize]`, instead of its images. They must be in `sharedFeatures`. */
export function featureDataset(dataset: Dataset, features: Float32Array): SharedDataset {
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

/** The input of a program, `images` or `features`, for the bytes of images with `leading` axes such as `[B]`. */
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
