/** Computes the logits of a whole split, in dataset order; all later steps need no model. */
import type { Dataset } from '../data/dataset.js';
import { imageBytes } from '../data/dataset.js';
import { inputOf } from '../data/features.js';
import { readBatches } from '../data/pipeline/pipeline.js';
import type { Executable, StagedSteps } from '../engine/program.js';
import { hasDeviceMemory, stepsPerCall } from '../engine/steps.js';
import { waitsFor } from '../io/waiting.js';

export interface SplitLogits {
  /** `[N, C]`. */
  readonly logits: Float32Array;
  /** `[N]`. */
  readonly labels: Int32Array;
  /** `[N]`: 0..N−1. */
  readonly indices: Int32Array;
}

/** Inputs of whole splits on the device, for one executable, which frees them. */
export type StagedSplits = Map<Dataset, StagedSteps>;

/** Logits of every image of `dataset` by the program `eval`; see `splitOutputs`. */
export async function splitLogits(
  executable: Executable,
  dataset: Dataset,
  batchSize: number,
  workers = 0,
  staged?: StagedSplits,
): Promise<SplitLogits> {
  const logits = new Float32Array(dataset.length * dataset.classNames.length);
  await splitOutputs(executable, { program: 'eval', output: 'logits' }, dataset, logits, batchSize, workers, staged);
  const labels = Int32Array.from({ length: dataset.length }, (_, i) => dataset.label(i));
  return { logits, labels, indices: Int32Array.from(labels.keys()) };
}

/**
 * Writes an output `[B, …]` of a program for every image of `dataset` to `into` `[N, …]`, in batches of
 * `batchSize`, as many in one call as the device takes; the last call is filled up with zeros, whose outputs are
 * dropped. Images in files are decoded by `workers` threads. With `staged`, a split that is one call on an engine with
 * device memory stays there and is not read again; such a map must always be used for the same program.
 */
export async function splitOutputs(
  executable: Executable,
  { program, output }: { program: string; output: string },
  dataset: Dataset,
  into: Float32Array,
  batchSize: number,
  workers = 0,
  staged?: StagedSplits,
): Promise<void> {
  const width = into.length / dataset.length;
  const batchBytes = batchSize * imageBytes(dataset.imageShape);
  const steps = stepsPerCall('auto', executable.info, Math.ceil(dataset.length / batchSize), batchBytes);
  const waitsForEngine = (first: number) =>
    waitsFor(`the engine: ${program} of ${dataset.name}, from image ${first} on`);
  const run = async (call: StagedSteps, first: number, images: number) => {
    waitsForEngine(first);
    const outputs = await call.run();
    waitsFor(`images of ${dataset.name} to evaluate`);
    into.set(outputs[output]!.data.subarray(0, images * width), first * width);
  };
  const there = staged?.get(dataset);
  if (there) return run(there, 0, dataset.length);

  const stays = staged !== undefined && hasDeviceMemory(executable.info) && steps * batchSize >= dataset.length;
  const bytes = new Uint8Array(steps * batchBytes);
  for await (const batch of readBatches(dataset, batchSize, workers, steps)) {
    bytes.set(batch.images);
    bytes.fill(0, batch.images.length);
    waitsForEngine(batch.indices[0]!);
    const call = await executable.stage(program, inputOf(dataset, [steps, batchSize], bytes));
    if (stays) staged.set(dataset, call);
    await run(call, batch.indices[0]!, batch.labels.length).finally(stays ? undefined : call.dispose);
  }
}
