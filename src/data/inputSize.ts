/** The size that image files get on their way into the network. */
const defaultSide = 224;
const defaultShortSide = 256;

/** Input of the network in pixels, and the shorter side it is cut from in evaluation: 224 of 256, or in that ratio. */
export function inputSizeOf({ image_size = defaultSide, short_side }: InputSizeKeys): {
  side: number;
  shortSide: number;
} {
  return { side: image_size, shortSide: short_side ?? Math.round((image_size * defaultShortSide) / defaultSide) };
}

interface InputSizeKeys {
  readonly image_size?: number | undefined;
  readonly short_side?: number | undefined;
}
