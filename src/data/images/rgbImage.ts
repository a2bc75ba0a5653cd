/** Decoded images of any size, whole or in part. */

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

/** A rectangle of pixels that is copied row by row. */
export interface RgbRows extends Size {
  /** Copies the pixels `from … to − 1` of row `y` to `into`, starting at byte `at`. */
  copy(y: number, from: number, to: number, into: Uint8Array, at: number): void;
}

/** The part that is needed of an image. Called once for each image, as soon as its size is known. */
export type PartOf = (size: Size) => Box;

/** The box of the whole image. */
export function wholeBox({ height, width }: Size): Box {
  return { top: 0, left: 0, height, width };
}

/** Pixels of a whole image. */
export function wholeImage(pixels: Uint8Array, { height, width }: Size): RgbImage {
  return { pixels, height, width, part: wholeBox({ height, width }) };
}

/** The pixels of an image inside `box`. Only pixels that are also inside of the image's `part` can be copied. */
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
