/** How many images an evaluation takes at once: no more than there are, and no more than its memory should hold. */
import type { StageConfig } from '../config/schema.js';
import type { ImageShape } from '../data/imageShape.js';

/**
 * Pixels of one forward pass. Its largest activations take about 256 bytes a pixel of the input, in the ResNets for
 * small images (16 channels at full size) as in those for large ones (64 at half, 256 at a quarter): 1.3 GB for 100
 * images of 224 × 224.
 */
const mostPixels = 100 * 224 * 224;

/**
 * Images per forward pass: `eval.batch_size`, less where the largest evaluated split has `images`, or where the images
 * are large. A multiple of `devices` stays one. The logits of an image do not depend on it.
 */
export function evaluationBatch(
  { eval: { batch_size }, devices }: Pick<StageConfig, 'eval' | 'devices'>,
  { height, width }: Pick<ImageShape, 'height' | 'width'>,
  images: number,
): number {
  const most = Math.max(1, Math.min(images, Math.floor(mostPixels / (height * width))));
  if (most >= batch_size) return batch_size;
  return batch_size % devices === 0 ? devices * Math.ceil(most / devices) : most;
}
