/** Class probabilities of image files by the network of a run: threads decode files while the engine computes. */

import { sharedBytes } from '../data/dataset.js';
import { requireSharp } from '../data/images/sharp.js';
import { inspectImage } from '../data/verify/inspectImage.js';
import { openWorkerPool } from '../data/workerPool.js';
import { compile, engineSettings } from '../engine/index.js';
import { predictedMass } from '../eval/rebalance.js';
import { usableCores } from '../machine/cpu.js';
import { evalProgram } from '../train/network.js';
import type { TrainedNetwork } from '../train/trainedNetwork.js';
import { type DecodeJob, decoderOf, type InputRecipe } from './decode.js';
import type { ImagePath } from './imagePaths.js';
import { type RankedClass, type Rebalancing, topClasses } from './ranking.js';

export interface PredictionRequest {
  readonly trained: TrainedNetwork;
  readonly images: readonly ImagePath[];
  /** Classes listed for each image. */
  readonly top: number;
  /** `mass` [C] is the predicted mass of each class; left out, it is taken over the given images. */
  readonly rebalancing?: { readonly tau: number; readonly mass?: Float64Array | undefined } | undefined;
  readonly onProgress?: (done: number) => void;
}

interface PredictedImage {
  /** As the user named it. */
  readonly image: string;
  readonly top: readonly RankedClass[];
}

export interface Predictions {
  readonly images: readonly PredictedImage[];
  /** Files that could not be read, and why. */
  readonly unreadable: readonly { readonly image: string; readonly reason: string }[];
}

/** Images in a worker's job: few, so that the workers share even a single batch. */
const imagesPerJob = 8;
/** Most pixels of a batch, beside `eval.batch_size`: it bounds the network's memory and costs no speed. */
const batchPixels = 64 * 224 * 224;
/** Batches that are decoded ahead of the engine. */
const batchesAhead = 2;

/** Throws `EngineError`, and `DataError` for logits that are not finite; an unreadable file is no error. */
export async function predictImages(request: PredictionRequest): Promise<Predictions> {
  const { trained, images, top, rebalancing, onProgress } = request;
  const { config, network, model, shortSide } = trained;
  requireSharp();
  const recipe: InputRecipe = { imageShape: network.imageShape, shortSide };
  decoderOf(recipe); // throws for a shape that no file can be fitted to
  const [height, width, channels] = network.imageShape;
  const mostImages = Math.max(1, Math.floor(batchPixels / (height * width)));
  const batchSize = Math.min(config.eval.batch_size, mostImages, images.length);
  const program = evalProgram(network, batchSize);
  const settings = await engineSettings(config);
  // In float32, as every reported accuracy is computed.
  const executable = await compile({ state: model, programs: { eval: program } }, { ...settings, precision: 'fp32' });
  const workers = Math.min(usableCores(), Math.ceil(images.length / imagesPerJob));
  const worker = new URL('./decodeWorker.js', import.meta.url);
  const pool = openWorkerPool<DecodeJob>(worker, workers, recipe, { work: 'predicting' });

  const classes = trained.classNames.length;
  const shape = [batchSize, height, width, channels];
  const given = rebalancing?.mass && { tau: rebalancing.tau, mass: rebalancing.mass };
  const needsAll = rebalancing !== undefined && given === undefined;
  const kept: { image: string; logits: Float32Array }[] = [];
  const predicted: PredictedImage[] = [];
  const unreadable: { image: string; reason: string }[] = [];
  const rank = (image: string, logits: Float32Array, by?: Rebalancing) => {
    predicted.push({ image, top: topClasses(logits, Math.min(top, classes), by) });
  };
  try {
    for await (const batch of decodedBatches(images, batchSize, height * width * channels, pool.run)) {
      const { logits } = await executable.run('eval', { images: { dtype: 'uint8', shape, data: batch.pixels } });
      for (const [i, { name, path }] of batch.images.entries()) {
        const row = (logits!.data as Float32Array).subarray(i * classes, (i + 1) * classes);
        if (batch.failed[i] === 1) unreadable.push({ image: name, reason: await reasonOf(path) });
        else if (needsAll) kept.push({ image: name, logits: row.slice() });
        else rank(name, row, given);
      }
      onProgress?.(predicted.length + kept.length + unreadable.length);
    }
  } finally {
    await pool.close();
    executable.dispose();
  }
  if (needsAll && kept.length > 0) {
    const all = new Float32Array(kept.length * classes);
    for (const [i, { logits }] of kept.entries()) all.set(logits, i * classes);
    const own = { tau: rebalancing.tau, mass: predictedMass(all, classes) };
    for (const { image, logits } of kept) rank(image, logits, own);
  }
  return { images: predicted, unreadable };
}

interface DecodedBatch {
  readonly images: readonly ImagePath[];
  /** `[N, H, W, C]` bytes. */
  readonly pixels: Uint8Array;
  /** `[N]`; 1 for a file that could not be read. */
  readonly failed: Uint8Array;
}

/** The images in batches of `batchSize`, in order; the next ones are decoded while a batch is used. */
async function* decodedBatches(
  images: readonly ImagePath[],
  batchSize: number,
  imageBytes: number,
  run: (job: DecodeJob) => Promise<void>,
): AsyncGenerator<DecodedBatch> {
  const decode = (batch: readonly ImagePath[]) => {
    const [pixels, failed] = [sharedBytes(batchSize * imageBytes), sharedBytes(batchSize)];
    const jobs: Promise<void>[] = [];
    for (let at = 0; at < batch.length; at += imagesPerJob) {
      const end = Math.min(at + imagesPerJob, batch.length);
      jobs.push(
        run({
          paths: batch.slice(at, end).map(({ path }) => path),
          images: pixels.subarray(at * imageBytes, end * imageBytes),
          failed: failed.subarray(at, end),
        }),
      );
    }
    const done = Promise.all(jobs);
    done.catch(() => undefined); // the error is thrown where the batch is awaited
    return { images: batch, pixels, failed, done };
  };
  const queue: ReturnType<typeof decode>[] = [];
  for (let next = 0; next < images.length || queue.length > 0; ) {
    for (; next < images.length && queue.length <= batchesAhead; next += batchSize)
      queue.push(decode(images.slice(next, next + batchSize)));
    const { done, ...batch } = queue.shift()!;
    await done;
    yield batch;
  }
}

/** Why a worker could not read a file. */
async function reasonOf(path: string): Promise<string> {
  const { message } = await inspectImage(path);
  return message ?? 'The image could not be read when it was its turn.';
}
