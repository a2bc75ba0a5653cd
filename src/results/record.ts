/**
 * `results/<config name>-seed<n>-subset<m>.json` and `.predictions`: what the repository keeps of a finished run. Every
 * accuracy in the record has the predictions it was counted from beside it, one byte (class) an image or two where
 * there are more than 256 classes, so that it can be counted again.
 */
import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { experimentName } from '../config/schema.js';
import { StorageError } from '../errors.js';
import { fromFormat1 } from '../eval/format1.js';
import type { ResultRow } from '../eval/resultRow.js';
import { scoreShape } from '../eval/scores.js';
import { writeFileAtomic } from '../io/atomicFile.js';
import { reasonOf } from '../io/faults.js';
import { makeFolderBelow } from '../io/makeFolder.js';
import { largestText, readRegularFile, readRegularText } from '../io/regularFile.js';
import { rebalancedBestShape } from '../run/recordSchema.js';

/** Two bytes have so many values. */
export const mostClasses = 65_536;

const count = z.number().int().min(0);
const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** One accuracy line, as `ResultRow`; line k of the predictions file holds its N predictions. */
const scoreSchema = z.strictObject({
  checkpoint: z.enum(['best', 'last']),
  epoch: count,
  /** What selected the epoch: a split, or `last` for none. */
  selected_on: z.string(),
  /** Precision of the evaluation; absent = that of the training, in records made before 2026-11-30. */
  precision: z.string().optional(),
  /** Absent for plain predictions and for equal masses. */
  tau: z.number().optional(),
  /** Re-balanced to equal masses, in records made since 2026-12-02. */
  method: z.literal('equal_masses').optional(),
  /** `config`, or `test`: the τ with the highest accuracy on the very images it is reported on (oracle). */
  tau_selected_on: z.enum(['config', 'test']).optional(),
  ...scoreShape,
  /** Right predictions of each class [C]. */
  correct: z.array(count),
});

/** A process that computed the run: its engine, software, machine and code. */
const processSchema = z.strictObject({
  engine: z.looseObject({ engine: z.string(), version: z.string(), precision: z.string(), threads: z.number() }),
  versions: z.looseObject({ gala: z.string(), node: z.string() }),
  host: z.looseObject({ cpu: z.string() }),
  git: z.looseObject({ commit: z.string(), dirty: z.boolean() }).optional(),
});

/** A finished run that the run took a network from. */
const sourceRunSchema = z.strictObject({
  run: z.string(),
  config_hash: hash,
  epoch: count,
  weights_sha256: hash,
  training_seconds: z.number().min(0),
  /** The processes that computed it; absent in older records. */
  processes: z.array(processSchema).min(1).optional(),
});

const recordSchema = z.strictObject({
  format: z.literal(2),
  name: experimentName,
  /** Name of the run folder it was made from. */
  run: z.string(),
  /** Resolved config without folders of the machine: see `withoutFolders`. */
  config: z.looseObject({}),
  seeds: z.strictObject({ run: count, subset: count }),
  train: z.strictObject({
    images: count,
    fingerprint: z.string(),
    index_hash: z.string(),
    class_counts: z.array(count).min(1).max(mostClasses),
  }),
  test: z.strictObject({
    images: count,
    fingerprint: z.string(),
    /** sha256 of the labels as `encodeClasses` writes them, in dataset order. */
    labels_sha256: hash,
    class_counts: z.array(count).min(1).max(mostClasses),
  }),
  /** The process that began the run. */
  ...processSchema.shape,
  finished_at: z.string(),
  /** Hours in training steps, without evaluation, added up over resumes; those of a first stage and of teachers too. */
  training_hours: z.number().min(0),
  /** The run that a second stage started from. */
  first_stage: sourceRunSchema.optional(),
  /** The runs that taught it, in the order of `distill.seeds`; absent without distillation. */
  teachers: z.array(sourceRunSchema).min(1).optional(),
  /** The file that training began with: base name, and sha256 of the file. */
  weights: z.strictObject({ file: z.string(), sha256: hash }).optional(),
  resumes: count,
  /** Processes that resumed the run and differ from the one that began it, each once; absent without any. */
  resumed_with: z.array(processSchema).min(1).optional(),
  predictions_sha256: hash,
  scores: z.array(scoreSchema).min(1),
  /** On the test images; absent where no split selected the epoch, and in older records. */
  rebalanced_best: z.strictObject(rebalancedBestShape).optional(),
});

export type Score = z.output<typeof scoreSchema>;
export type ResultRecord = z.output<typeof recordSchema>;

/** A finished run as tables need it, from a record of the repository or from its run folder. */
export interface RunResult
  extends Pick<
    ResultRecord,
    | 'name'
    | 'config'
    | 'seeds'
    | 'engine'
    | 'versions'
    | 'host'
    | 'git'
    | 'training_hours'
    | 'first_stage'
    | 'teachers'
    | 'weights'
    | 'resumes'
    | 'resumed_with'
    | 'rebalanced_best'
  > {
  readonly train: Pick<ResultRecord['train'], 'fingerprint' | 'index_hash'>;
  readonly test: Pick<ResultRecord['test'], 'fingerprint'>;
  readonly scores: readonly Omit<ResultRow, 'run' | 'split'>[];
}

/** A record with its file, and the predictions [scores, images] when they could be read. */
export interface StoredResult {
  readonly path: string;
  readonly record: ResultRecord;
  readonly predictions: Uint8Array | undefined;
}

/** Path of the record of a run below the folder of all results. */
export function resultPath(results: string, { name, seeds }: Pick<ResultRecord, 'name' | 'seeds'>): string {
  return join(results, `${name}-seed${seeds.run}-subset${seeds.subset}.json`);
}

/** The table that a run's name belongs to: its first folder; undefined for a name without one. */
export function tableOf(name: string): string | undefined {
  const slash = name.indexOf('/');
  return slash === -1 ? undefined : name.slice(0, slash);
}

/** The file of predictions beside a record. */
export function predictionsPath(path: string): string {
  return path.replace(/\.json$/, '.predictions');
}

/** The line `index` of the predictions [scores, images], as class indices [images]. */
export function predictionsOf(record: ResultRecord, predictions: Uint8Array, index: number): Int32Array {
  const { images, class_counts } = record.test;
  const size = bytesPerClass(class_counts.length);
  const line = predictions.subarray(index * images * size, (index + 1) * images * size);
  if (size === 1) return Int32Array.from(line);
  return Int32Array.from({ length: images }, (_, i) => line[2 * i]! + 256 * line[2 * i + 1]!);
}

/** Bytes of one prediction or label in a file: 1, or 2 where there are more than 256 classes. */
export function bytesPerClass(classes: number): 1 | 2 {
  return classes > 256 ? 2 : 1;
}

/** Class indices as bytes, two-byte ones little-endian. */
export function encodeClasses(values: Int32Array, classes: number): Uint8Array {
  if (bytesPerClass(classes) === 1) return Uint8Array.from(values);
  return Uint8Array.from({ length: 2 * values.length }, (_, i) => values[i >> 1]! >> (8 * (i & 1)));
}

/**
 * Writes a record and its predictions, predictions first. Throws `StorageError`, also for a record that could not be
 * read again.
 */
export function writeResult(results: string, record: ResultRecord, predictions: Uint8Array): string {
  const { error } = recordSchema.safeParse(record);
  if (error) {
    throw new StorageError(`The run cannot be recorded: ${reasonOf(error)}`, {
      where: `${record.name}, ${record.run}`,
      next: 'What a record is made of was changed in the run folder: take its run.json and logits/ from a copy.',
    });
  }
  const path = resultPath(results, record);
  makeFolderBelow(results, ...record.name.split('/').slice(0, -1));
  writeFileAtomic(predictionsPath(path), predictions);
  writeFileAtomic(path, `${withNumbersOnOneLine(JSON.stringify(record, null, 2))}\n`);
  return path;
}

/** Reads a record, of format 1 in format 2. Throws `StorageError` when it is missing, damaged or of another format. */
export function readResult(path: string): StoredResult {
  let record: ResultRecord;
  try {
    record = recordSchema.parse(fromFormat1(JSON.parse(readRegularText(path, largestText))));
  } catch (error) {
    const fault = reasonOf(error);
    throw new StorageError(`The result record is not usable: ${fault}`, {
      where: path,
      next: 'Take it from the repository again, or make it anew: gala results add RUN_DIR.',
      cause: error,
    });
  }
  return { path, record, predictions: readIfThere(predictionsPath(path)) };
}

/** Paths of the records of a table, sorted; none when the folder is not there. */
export function listResults(results: string, table: string): string[] {
  return filesBelow(join(results, table), '.json');
}

/**
 * Paths of the files with this ending in `folder` and below, sorted; none when it is not there. Links are not followed.
 */
export function filesBelow(folder: string, ending: string): string[] {
  return entriesOf(folder)
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
    .flatMap(entry => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return filesBelow(path, ending);
      return entry.isFile() && entry.name.endsWith(ending) ? [path] : [];
    });
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return readRegularFile(path, largestText);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function withNumbersOnOneLine(json: string): string {
  return json.replaceAll(
    /\[\s+(\d[\d\s,]*)\]/g,
    (_, numbers: string) => `[${numbers.trim().replaceAll(/,\s+/g, ', ')}]`,
  );
}
