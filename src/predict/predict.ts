/**
 * Class probabilities of image files by the network of a run: files are decoded by worker threads while the engine
 * computes.
 */

import { requireSharp } from '../data/images/sharp.js';
import { sharedBytes } from '../data/pipeline/sharedDataset.js';
import { inspectImage } from '../data/verify/inspectImage.js';
import { openWorkerPool } from '../data/workers/workerPool.js';
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
  /** Classes told of each image. */
  readonly top: number;
  /** `mass` left out: that of the given images. */
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

/** Images of a job of a worker: few, so that the workers share even a single batch. */
const imagesPerJob = 8;
/** Pixels of a batch, at most, beside `eval.batch_size`: what keeps the network's memory small costs no speed. */
const batchPixels = 64 * 224 * 224;
/** Batches that are decoded ahead of the engine. */
const batchesAhead = 2;

/** Throws `EngineError`, and `DataError` for logits that are not finite; an unreadable file is no error. */
export async function predictImages(request: PredictionRequest): Promise<Predictions> {
  const { trained, images, top, rebalancing, onProgress } = request;
  const { config, network, model, shortSide } = trained;
  requireSharp();
  const recipe: InputRecipe = { imageShape: network.imageShape, shortSide };
  decoderOf(recipe); // a shape that files do not fit is an error here and now
  const [height, width, channels] = network.imageShape;
  const mostImages = Math.max(1, Math.floor(batchPixels / (height * width)));
  const batchSize = Math.min(config.eval.batch_size, mostImages, images.length);
  const program = evalProgram(network, batchSize);
  const settings = await engineSettings(config);
  // In float32, as every reported accuracy is computed.
  const executable = await compile({ state: model, programs: { eval: program } }, { ...settings, precision: 'fp32' });
  const workers = Math.min(usableCores(), Math.ceil(images.length / imagesPerJob));
  const pool = openWorkerPool<DecodeJob>(new URL('./decodeWorker.js', import.meta.url), workers, recipe);

  const classes = trained.classNames.length;
  const isOfThese = rebalancing !== undefined && rebalancing.mass === undefined;
  const kept: { image: string; logits: Float32Array }[] = [];
  const predicted: PredictedImage[] = [];
  const unreadable: { image: string; reason: string }[] = [];
  const add = (image: string, logits: Float32Array, by?: Rebalancing) => {
    predicted.push({ image, top: topClasses(logits, Math.min(top, classes), by) });
  };
  const given = rebalancing?.mass && { tau: rebalancing.tau, mass: rebalancing.mass };

  const size = height * width * channels;
  const decodeBatch = (first: number) => {
    const paths = images.slice(first, first + batchSize).map(({ path }) => path);
    const [pixels, failed] = [sharedBytes(batchSize * size), sharedBytes(batchSize)];
    const jobs: Promise<void>[] = [];
    for (let at = 0; at < paths.length; at += imagesPerJob) {
      const job = paths.slice(at, at + imagesPerJob);
      const end = at + job.length;
      jobs.push(
        pool.run({ paths: job, images: pixels.subarray(at * size, end * size), failed: failed.subarray(at, end) }),
      );
    }
    const done = Promise.all(jobs);
    done.catch(() => undefined); // whoever takes the batch sees the error
    return { first, count: paths.length, pixels, failed, done };
  };
  const queue: ReturnType<typeof decodeBatch>[] = [];
  let next = 0;
  try {
    while (next < images.length || queue.length > 0) {
      for (; next < images.length && queue.length <= batchesAhead; next += batchSize) queue.push(decodeBatch(next));
      const { first, count, pixels, failed, done } = queue.shift()!;
      await done;
      const shape = [batchSize, height, width, channels];
      const { logits } = await executable.run('eval', { images: { dtype: 'uint8', shape, data: pixels } });
      for (let i = 0; i < count; i++) {
        const { name, path } = images[first + i]!;
        const row = (logits!.data as Float32Array).subarray(i * classes, (i + 1) * classes);
        if (failed[i] === 1) unreadable.push({ image: name, reason: await reasonOf(path) });
        else if (isOfThese) kept.push({ image: name, logits: row.slice() });
        else add(name, row, given);
      }
      onProgress?.(first + count);
    }
  } finally {
    await pool.close();
    executable.dispose();
  }
  if (isOfThese && kept.length > 0) {
    const all = new Float32Array(kept.length * classes);
    for (const [i, { logits }] of kept.entries()) all.set(logits, i * classes);
    const own = { tau: rebalancing.tau, mass: predictedMass(all, classes) };
    for (const { image, logits } of kept) add(image, logits, own);
  }
  return { images: predicted, unreadable };
}

/** What is wrong with a file that a worker could not read. */
async function reasonOf(path: string): Promise<string> {
  const { message } = await inspectImage(path);
  return message ?? 'The image could not be read when it was its turn.';
}
