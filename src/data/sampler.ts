/** The order in which an epoch visits the training images. */
import { randomFor, shuffle } from '../random.js';

/** A permutation of 0 … length − 1, a function of (seed, epoch) alone, so a resumed run finds its place again. */
export function shuffledOrder(length: number, seed: number, epoch: number): Int32Array {
  return shuffle(
    Int32Array.from({ length }, (_, i) => i),
    randomFor('sampler', seed, epoch),
  );
}
