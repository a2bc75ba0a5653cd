/** Fits images of any size to the network's input: the random crop of training or the central crop of evaluation. */
import { ConfigError } from '../../errors.js';
import type { Random } from '../../random.js';
import type { Augmentation } from '../augment/augmentation.js';
import { centreBox, paddedRowsOf, paddedSize, randomResizedBox, reflectedPart, shortSideSize } from './boxes.js';
import type { ImageLocation, ImageReader } from './readImage.js';
import { makeResizer, resizedPart } from './resize.js';
import type { Box, RgbImage, Size } from './rgbImage.js';
import { rowsOf, wholeBox } from './rgbImage.js';

/** Pixels that `reflect_pad` adds on every side. */
const reflectPadding = 4;

export interface FitOptions {
  readonly augment: readonly Augmentation[];
  /** Height and width of the network's input. */
  readonly side: number;
  /** Length of the shorter side before the central crop. */
  readonly shortSide: number;
}

/** How one image is fitted: `box` is resized to `size`, of which `window` is kept. */
interface Placement {
  /** The part of the image that is needed. */
  readonly part: Box;
  /** A box of the padded image, or the whole image. */
  readonly box: Box;
  readonly size: Size;
  readonly window: Box;
}

export interface Fit {
  /** Decides how an image of a size is fitted. */
  place(image: Size, random: Random): Placement;
  /** Writes the fitted image to `into`, HWC [side, side, 3]. */
  render({ image, placement }: PlacedImage, into: Uint8Array): void;
}

/** A decoded image and how it is fitted. */
export interface PlacedImage {
  readonly image: RgbImage;
  readonly placement: Placement;
}

/**
 * Reads an image, and decodes only the part that its placement needs. Rejects with `DataError` or `StorageError` naming
 * the file.
 */
export async function readPlaced(
  { read }: ImageReader,
  location: ImageLocation,
  fit: Fit,
  random: Random,
): Promise<PlacedImage> {
  let placement: Placement | undefined;
  const image = await read(location, size => {
    placement = fit.place(size, random);
    return placement.part;
  });
  return { image, placement: placement! };
}

/**
 * The fit that the first augmentations ask for: with `random_resized_crop` a random box, after `reflect_pad` one of the
 * padded image; otherwise Resize(shortSide) and CenterCrop(side). `rest` are the augmentations that follow. Throws
 * `ConfigError` where one of the two augmentations is at another position.
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
    render: ({ image, placement: { box } }, into) => resize(paddedRowsOf(image, box, padding), size, window, into),
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
    render: ({ image, placement: { box, size, window } }, into) => resize(rowsOf(image, box), size, window, into),
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
