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

/** A rectangle of pixels that lies somewhere: who needs them copies them, row by row. */
export interface RgbRows extends Size {
  /** Copies the pixels `from … to − 1` of row `y` to `into`, from byte `at` on. */
  copy(y: number, from: number, to: number, into: Uint8Array, at: number): void;
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

/** The part of an image inside `box`; only what is also inside of the image's `part` may be copied. */
export function rowsOf({ pixels, part }: RgbImage, box: Box): RgbRows {
  const first = (box.top - part.top) * part.width + box.left - part.left;
  return {
    height: box.height,
    width: box.width,
    copy: (y, from, to, into, at) => {
      const row = first + y * part.width;
      into.set(pixels.subarray(3 * (row + from), 3 * (row + to)), at);
    },
  };
}
