import type { ImageShape } from '../imageShape.js';
import { shift } from './shift.js';
import type { Transform } from './transform.js';

/**
 * Pads with `padding` zeros on every side and crops back to the size at a uniform place (torchvision
 * `RandomCrop(size, padding)`).
 */
export function randomCrop(shape: ImageShape, padding = 4): Transform {
  return (image, random) => {
    const top = random.integer(2 * padding + 1);
    const left = random.integer(2 * padding + 1);
    shift(image, shape, top - padding, left - padding, 0);
  };
}
