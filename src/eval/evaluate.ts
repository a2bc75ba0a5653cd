/** Logits of a whole split, in dataset order: everything after that needs no model. */
import { type Dataset, imageBytes } from '../data/dataset.js';
import { readBatches } from '../data/pipeline.js';
import type { Executable } from '../engine/program.js';
import { stepsPerCall } from '../engine/stepsPerCall.js';

export interface SplitLogits {
  /** `[N, C]`. */
  readonly logits: Float32Array;
  /** `[N]`. */
  readonly labels: Int32Array;
  /** `[N]`: 0..N−1. */
  readonly indices: Int32Array;
}

/**
 * Runs the program `eval` over every image of `dataset`, in batches of `batchSize`, as many in one call as the device takes;
 * the last call is filled up with zeros, whose logits are dropped. Images in files are decoded by `workers` threads.
 */
export async function splitLogits(
  executable: Executable,
  dataset: Dataset,
  batchSize: number,
  workers = 0,
): Promise<SplitLogits> {
  const { height, width, channels } = dataset.imageShape;
  const classes = dataset.classNames.length;
  const logits = new Float32Array(dataset.length * classes);
  const labels = new Int32Array(dataset.length);
  const batchBytes = batchSize * imageBytes(dataset.imageShape);
  const steps = stepsPerCall('auto', executable.info, Math.ceil(dataset.length / batchSize), batchBytes);
  const images = new Uint8Array(steps * batchBytes);
  const shape = [steps, batchSize, height, width, channels];
  for await (const batch of readBatches(dataset, batchSize, workers, steps)) {
    images.set(batch.images);
    images.fill(0, batch.images.length);
    const staged = await executable.stage('eval', { images: { dtype: 'uint8', shape, data: images } });
    const outputs = await staged.run().finally(staged.dispose);
    const first = batch.indices[0]!;
    labels.set(batch.labels, first);
    logits.set(outputs.logits!.data.subarray(0, batch.labels.length * classes), first * classes);
  }
  return { logits, labels, indices: Int32Array.from(labels.keys()) };
}
