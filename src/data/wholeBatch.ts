/** A training set that is smaller than one batch of it. */
import { ConfigError } from '../errors.js';

/** Throws `ConfigError` where `images` training images do not fill one batch. */
export function requireWholeBatch(images: number, batchSize: number): void {
  if (images >= batchSize) return;
  throw new ConfigError(`A batch of ${batchSize} images is larger than the training set of ${images}.`, {
    where: 'train.batch_size',
    next: `Set train.batch_size to ${images} or less.`,
  });
}
