/** Decoded images of any size, whole or the part of them that is needed. */

/** Height and width in pixels. */
export interface Size {
  readonly height: number;
  readonly width: number;
}

/** A rectangle in pixels. */
export interface Box extends Size {
  readonly top: number;
  readonly left: number;
}

/** `height` and `width` are those of the whole image; `pixels` are HWC, uint8, [part.height, part.width, 3]. */
export interface RgbImage extends Size {
  readonly pixels: Uint8Array;
  readonly part: Box;
}

/** A rectangle of pixels inside a larger array: row y begins at byte `start + y·stride`. */
export interface RgbView extends Size {
  readonly pixels: Uint8Array;
  readonly start: number;
  readonly stride: number;
}

/** Which part of an image of the given size is needed; asked once for each image, as soon as its size is known. */
export type PartOf = (size: Size) => Box;

/** The box that is the whole image. */
export function wholeBox({ height, width }: Size): Box {
  return { top: 0, left: 0, height, width };
}

/** Pixels of a whole image. */
export function wholeImage(pixels: Uint8Array, { height, width }: Size): RgbImage {
  return { pixels, height, width, part: wholeBox({ height, width }) };
}

/** The part of an image inside `box`, without a copy; only what is also inside of the image's `part` may be read. */
export function viewOf({ pixels, part }: RgbImage, box: Box): RgbView {
  const stride = 3 * part.width;
  const start = (box.top - part.top) * stride + 3 * (box.left - part.left);
  return { pixels, height: box.height, width: box.width, start, stride };
}
