/** Random brightness, contrast and saturation (torchvision `ColorJitter(0.4, 0.4, 0.4)`). */
import type { ImageShape } from '../imageShape.js';
import { color } from './colorOperations.js';
import { makeScratch, requireColour } from './operation.js';
import { brightness, contrast } from './pointOperations.js';
import type { Transform } from './transform.js';

const operations = [brightness, contrast, color] as const;
const orders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

/**
 * Blends with factors from 1 − strength to 1 + strength, in random order. Throws `ConfigError` for images of other than
 * 3 channels.
 */
export function colorJitter(shape: ImageShape, strength = 0.4): Transform {
  requireColour(shape, 'color_jitter');
  const scratch = makeScratch(shape);
  return (image, random) => {
    for (const which of orders[random.integer(orders.length)]!) {
      operations[which]!(image, shape, strength * (2 * random.uniform() - 1), scratch);
    }
  };
}
