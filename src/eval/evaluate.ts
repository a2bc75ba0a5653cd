/** Logits of a whole split, in dataset order: everything after that needs no model. */
import { type Dataset, imageBytes } from '../data/dataset.js';
import { inputOf } from '../data/features.js';
import { readBatches } from '../data/pipeline.js';
import type { Executable } from '../engine/program.js';
import { stepsPerCall } from '../engine/stepsPerCall.js';
import { waitsFor } from '../io/waiting.js';

export interface SplitLogits {
  /** `[N, C]`. */
  readonly logits: Float32Array;
  /** `[N]`. */
  readonly labels: Int32Array;
  /** `[N]`: 0..N−1. */
  readonly indices: Int32Array;
}

/** Logits of every image of `dataset` by the program `eval`; see `splitOutputs`. */
export async function splitLogits(
  executable: Executable,
  dataset: Dataset,
  batchSize: number,
  workers = 0,
): Promise<SplitLogits> {
  const logits = new Float32Array(dataset.length * dataset.classNames.length);
  await splitOutputs(executable, { program: 'eval', output: 'logits' }, dataset, logits, batchSize, workers);
  const labels = Int32Array.from({ length: dataset.length }, (_, i) => dataset.label(i));
  return { logits, labels, indices: Int32Array.from(labels.keys()) };
}

/**
 * Writes an output `[B, …]` of a program for every image of `dataset` to `into` `[N, …]`, in batches of `batchSize`, as many in
 * one call as the device takes; the last call is filled up with zeros, whose outputs are dropped. Images in files are decoded
 * by `workers` threads.
 */
export async function splitOutputs(
  executable: Executable,
  { program, output }: { program: string; output: string },
  dataset: Dataset,
  into: Float32Array,
  batchSize: number,
  workers = 0,
): Promise<void> {
  const width = into.length / dataset.length;
  const batchBytes = batchSize * imageBytes(dataset.imageShape);
  const steps = stepsPerCall('auto', executable.info, Math.ceil(dataset.length / batchSize), batchBytes);
  const bytes = new Uint8Array(steps * batchBytes);
  for await (const batch of readBatches(dataset, batchSize, workers, steps)) {
    bytes.set(batch.images);
    bytes.fill(0, batch.images.length);
    waitsFor(`the engine: ${program} of ${dataset.name}, from image ${batch.indices[0]} on`);
    const staged = await executable.stage(program, inputOf(dataset, [steps, batchSize], bytes));
    const outputs = await staged.run().finally(staged.dispose);
    waitsFor(`images of ${dataset.name} to evaluate`);
    into.set(outputs[output]!.data.subarray(0, batch.labels.length * width), batch.indices[0]! * width);
  }
}
