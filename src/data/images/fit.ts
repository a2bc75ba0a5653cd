/**
 * From a decoded image of any size to the network's input size: the random crop of training or the central one of
 * evaluation.
 */

import { ConfigError } from '../../errors.js';
import type { Random } from '../../random.js';
import type { Augmentation } from '../augment/names.js';
import { paddedRowsOf, paddedSize, reflectedPart } from './reflectPad.js';
import { makeResizer, resizedPart } from './resize.js';
import { centreBox, randomResizedBox, shortSideSize } from './resizedCrop.js';
import type { Box, RgbImage, Size } from './rgbImage.js';
import { rowsOf, wholeBox } from './rgbImage.js';

/** Pixels that `reflect_pad` adds on every side. */
const reflectPadding = 4;

export interface FitOptions {
  readonly augment: readonly Augmentation[];
  /** Side of the result, a square. */
  readonly side: number;
  /** Length that the shorter side gets before the central crop. */
  readonly shortSide: number;
}

/** How one image becomes the input: what is needed of it, and from where to where it is resized. */
export interface Placement {
  /** Part of the image that is looked at. */
  readonly part: Box;
  /** Box of the padded image, or the whole one. */
  readonly box: Box;
  /** What the box is resized to, and what is kept of that. */
  readonly size: Size;
  readonly window: Box;
}

export interface Fit {
  /** Decides how an image of this size is placed. */
  place(image: Size, random: Random): Placement;
  /** Writes the placed image to `into`, HWC [side, side, 3]. */
  render(image: RgbImage, placement: Placement, into: Uint8Array): void;
}

/**
 * With `random_resized_crop` in `augment` a random box (of the reflect-padded image after `reflect_pad`) resized to the
 * side; else Resize(shortSide) and CenterCrop(side). `rest` are the augmentations that come after. Throws `ConfigError`
 * for an order that is none of these.
 */
export function fitOf({ augment, side, shortSide }: FitOptions): { fit: Fit; rest: readonly Augmentation[] } {
  const isPadded = augment[0] === 'reflect_pad';
  const isRandom = augment[isPadded ? 1 : 0] === 'random_resized_crop';
  const rest = isRandom ? augment.slice(isPadded ? 2 : 1) : augment;
  refuseOrder(rest);
  return { fit: isRandom ? randomFit(side, isPadded ? reflectPadding : 0) : centralFit(side, shortSide), rest };
}

function randomFit(side: number, padding: number): Fit {
  const resize = makeResizer();
  const size = { height: side, width: side };
  const window = wholeBox(size);
  return {
    place: (image, random) => {
      const box = randomResizedBox(paddedSize(image, padding), random);
      return { part: reflectedPart(image, box, padding), box, size, window };
    },
    render: (image, { box }, into) => resize(paddedRowsOf(image, box, padding), size, window, into),
  };
}

function centralFit(side: number, shortSide: number): Fit {
  const resize = makeResizer();
  return {
    place: image => {
      const size = shortSideSize(image, shortSide);
      const window = centreBox(size, side);
      return { part: resizedPart(image, size, window), box: wholeBox(image), size, window };
    },
    render: (image, { box, size, window }, into) => resize(rowsOf(image, box), size, window, into),
  };
}

function refuseOrder(rest: readonly Augmentation[]): void {
  const misplaced = rest.find(name => name === 'random_resized_crop' || name === 'reflect_pad');
  if (misplaced === undefined) return;
  throw new ConfigError(`${misplaced} is not at the beginning of the augmentations.`, {
    where: `data.augment: ${misplaced}`,
    next: 'Begin the list with random_resized_crop, or with reflect_pad and then random_resized_crop.',
  });
}
