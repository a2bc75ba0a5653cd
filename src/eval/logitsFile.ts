/**
 * `logits/<split>.safetensors`: the logits and labels of an evaluated split, from which metrics, re-balancing and
 * tables are computed without the model.
 */

import { DataError } from '../errors.js';
import { readSafetensors, writeSafetensors } from '../io/safetensors.js';
import type { HostTensor } from '../tensor.js';
import type { GroupBounds } from './groups.js';
import { labelCounts } from './metrics.js';

/** The training run, checkpoint and split of an evaluation. */
export interface EvaluationSource {
  /** Evaluated split: `test`, `val` or `train`. */
  readonly split: string;
  /** Name of the run, e.g. `cifar100_lt/gala_if100`. */
  readonly run: string;
  /** Checkpoint: `best`, `last` or a file. */
  readonly checkpoint: string;
  /** Epochs trained, 1-based: the epoch after which the checkpoint was written. */
  readonly epoch?: number;
  /** What selected the epoch: `test` or `val` (best plain top-1 there) or `last`. */
  readonly selected_on?: string;
  /** Precision of the forward pass; absent where it is unknown, as in files from before 2026-11-30. */
  readonly precision?: string;
}

/** Logits and labels of one whole split: N images, C classes. */
export interface Evaluation extends EvaluationSource {
  /** [N, C], without training margins. */
  readonly logits: Float32Array;
  /** [N]. */
  readonly labels: Int32Array;
  /** [N]: which images of the dataset's split these are. */
  readonly indices: Int32Array;
  /** [C]: training images per class, which decide many / medium / few. */
  readonly classCounts: Int32Array;
  readonly classNames: readonly string[];
  /** Bounds of many / medium / few; `defaultGroups` where they are absent. */
  readonly groups?: GroupBounds;
}

/**
 * Writes an evaluation atomically. Throws `DataError` where its parts do not fit together, `StorageError` for the disk.
 */
export function writeLogitsFile(path: string, evaluation: Evaluation): void {
  checkEvaluation(path, evaluation);
  const { logits, labels, indices, classCounts, classNames } = evaluation;
  const vector = (data: Int32Array): HostTensor => ({ dtype: 'int32', shape: [data.length], data });
  const tensors = {
    logits: { dtype: 'float32', shape: [labels.length, classNames.length], data: logits } as const,
    labels: vector(labels),
    indices: vector(indices),
    class_counts: vector(classCounts),
  };
  const metadata: Record<string, string> = {
    split: evaluation.split,
    run: evaluation.run,
    checkpoint: evaluation.checkpoint,
    class_names: JSON.stringify(classNames),
  };
  if (evaluation.epoch !== undefined) metadata.epoch = String(evaluation.epoch);
  if (evaluation.selected_on !== undefined) metadata.selected_on = evaluation.selected_on;
  if (evaluation.precision !== undefined) metadata.precision = evaluation.precision;
  if (evaluation.groups !== undefined) metadata.groups = JSON.stringify(evaluation.groups);
  writeSafetensors(path, tensors, metadata);
}

/**
 * Reads an evaluation. `logits` [N, C], `labels` [N] and `class_counts` [C] must be there; a file made elsewhere may
 * lack `indices` (0..N−1), class names (the class numbers) and the source (`unknown`). Throws `StorageError` for a
 * damaged file, `DataError` for one whose parts do not fit together.
 */
export function readLogitsFile(path: string): Evaluation {
  const { tensors, metadata } = readSafetensors(path);
  const take = <T extends HostTensor['data']>(
    name: string,
    rank: number,
    type: new (length: number) => T,
  ): HostTensor & { data: T } => {
    const tensor = tensors[name];
    if (tensor?.shape.length !== rank || !(tensor.data instanceof type)) {
      const found = tensor === undefined ? 'nothing' : `${tensor.dtype} [${tensor.shape}]`;
      const wanted = `${type.name.replace('Array', '').toLowerCase()} [${rank === 2 ? 'N, C' : 'N'}]`;
      throw unfit(path, `it needs the tensor "${name}" as ${wanted} and has ${found}`);
    }
    return tensor as HostTensor & { data: T };
  };
  const logits = take('logits', 2, Float32Array);
  const [images, classes] = logits.shape as [number, number];
  const evaluation: Evaluation = {
    split: metadata.split ?? 'unknown',
    run: metadata.run ?? 'unknown',
    checkpoint: metadata.checkpoint ?? 'unknown',
    ...(metadata.epoch === undefined ? {} : { epoch: readEpoch(path, metadata.epoch) }),
    ...(metadata.selected_on === undefined ? {} : { selected_on: metadata.selected_on }),
    ...(metadata.precision === undefined ? {} : { precision: metadata.precision }),
    ...(metadata.groups === undefined ? {} : { groups: readGroups(path, metadata.groups) }),
    logits: logits.data,
    labels: take('labels', 1, Int32Array).data,
    indices:
      tensors.indices === undefined
        ? Int32Array.from({ length: images }, (_, i) => i)
        : take('indices', 1, Int32Array).data,
    classCounts: take('class_counts', 1, Int32Array).data,
    classNames: readClassNames(path, metadata.class_names, classes),
  };
  checkEvaluation(path, evaluation);
  return evaluation;
}

function checkEvaluation(path: string, evaluation: Evaluation): void {
  const { logits, labels, indices, classCounts, classNames } = evaluation;
  const images = labels.length;
  const classes = classNames.length;
  if (images === 0 || classes === 0) throw unfit(path, `it has ${images} images of ${classes} classes`);
  if (logits.length !== images * classes || indices.length !== images || classCounts.length !== classes) {
    throw unfit(
      path,
      `${logits.length} logits, ${images} labels, ${indices.length} indices, ${classCounts.length} class ` +
        `counts and ${classes} class names do not fit together`,
    );
  }
  const negative = classCounts.findIndex(count => count < 0);
  if (negative !== -1) throw unfit(path, `class ${negative} has ${classCounts[negative]} training images`);
  try {
    labelCounts(labels, classes);
  } catch (error) {
    throw unfit(path, `${(error as DataError).where}: ${(error as DataError).message.replace(/\.$/, '')}`);
  }
}

function readEpoch(path: string, text: string): number {
  const epoch = Number(text);
  if (text.trim() === '' || !Number.isInteger(epoch) || epoch < 0)
    throw unfit(path, `its epoch is ${JSON.stringify(text)}`);
  return epoch;
}

function readGroups(path: string, json: string): GroupBounds {
  try {
    const { many, few } = JSON.parse(json) as GroupBounds;
    if (Number.isFinite(many) && Number.isFinite(few)) return { many, few };
  } catch {
    // The error follows.
  }
  throw unfit(path, `its groups are ${json}, not such as {"many": 100, "few": 20}`);
}

function readClassNames(path: string, json: string | undefined, classes: number): string[] {
  if (json === undefined) return Array.from({ length: classes }, (_, klass) => String(klass));
  let names: unknown;
  try {
    names = JSON.parse(json);
  } catch {
    names = undefined;
  }
  if (!Array.isArray(names) || !names.every(name => typeof name === 'string')) {
    throw unfit(path, 'its class_names are not a JSON list of strings');
  }
  return names;
}

function unfit(path: string, fault: string): DataError {
  return new DataError(`This is not a usable logits file: ${fault}.`, {
    where: path,
    next: 'Write it again with `gala eval --run DIR`, or see docs/run-folder.md for what it must hold.',
  });
}
