/** Image files → the network's input: the central crop of evaluation, in gray where the network takes one channel. */
import { fitOf, readPlaced } from '../data/images/fit.js';
import { makeImageReader } from '../data/images/readImage.js';
import { ConfigError, EngineError, GalaError } from '../errors.js';
import { randomFor } from '../random.js';

export interface InputRecipe {
  /** `[height, width, channels]`; a square, 3 channels or 1. */
  readonly imageShape: readonly [number, number, number];
  readonly shortSide: number;
}

/**
 * Files to decode, in order. `images` gets their pixels; an entry of `failed` becomes 1 for a file that cannot be read.
 */
export interface DecodeJob {
  readonly paths: readonly string[];
  /** `[N, H, W, C]` bytes in shared memory. */
  readonly images: Uint8Array;
  /** `[N]`. */
  readonly failed: Uint8Array;
}

/** Images of a job that are decoded at the same time: sharp decodes on threads of its own. */
const lanes = 3;

/** A function that does jobs. Throws `ConfigError` for a shape to which files cannot be fitted. */
export function decoderOf({ imageShape, shortSide }: InputRecipe): (job: DecodeJob) => Promise<void> {
  const [height, width, channels] = imageShape;
  if (height !== width)
    throw new ConfigError(`The network takes images of ${height}×${width}; image files are cut to squares only.`, {
      where: 'network.image_shape in run.json',
      next: 'Evaluate this run on its own dataset: `gala eval --run DIR`.',
    });
  const { fit } = fitOf({ augment: [], side: height, shortSide });
  const reader = makeImageReader();
  const random = randomFor('central crop'); // a central crop draws no random number
  const pixels = height * width;
  const rgb = new Uint8Array(3 * pixels);
  const decode = async (path: string, into: Uint8Array) => {
    fit.render(await readPlaced(reader, { path }, fit, random), channels === 3 ? into : rgb);
    if (channels === 1) for (let i = 0; i < pixels; i++) into[i] = luma(rgb, 3 * i);
  };
  return async ({ paths, images, failed }) => {
    const size = pixels * channels;
    let next = 0;
    const lane = async () => {
      while (next < paths.length) {
        const i = next++;
        try {
          await decode(paths[i]!, images.subarray(i * size, (i + 1) * size));
        } catch (error) {
          // Without memory (`EngineError`) the file may be sound.
          if (!(error instanceof GalaError) || error instanceof EngineError) throw error;
          failed[i] = 1;
        }
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  };
}

/** ITU-R 601 luma, rounded as Pillow's `convert('L')`. */
function luma(rgb: Uint8Array, at: number): number {
  return (19595 * rgb[at]! + 38470 * rgb[at + 1]! + 7471 * rgb[at + 2]! + 0x8000) >> 16;
}
