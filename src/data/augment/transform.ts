/** What an augmentation is: an in-place change of one uint8 image, driven by keyed random numbers. */
import type { Random } from '../../random.js';

/** Changes one HWC uint8 image in place; all its randomness comes from `random`. */
export type Transform = (image: Uint8Array, random: Random) => void;
