/** `run.json`: from it alone a reader can tell which data, subset, seed, code, engine and split made a number. */
import { configHash, configOf } from '../config/identity.js';
import type { Config } from '../config/schema.js';
import type { EngineInfo } from '../engine/program.js';
import { StorageError } from '../errors.js';
import { fromFormat1 } from '../eval/format1.js';
import type { ResultRow } from '../eval/resultRow.js';
import { writeFileAtomic } from '../io/atomicFile.js';
import { reasonOf } from '../io/diskFault.js';
import { largestText, readRegularText } from '../io/openedFile.js';
import {
  describeGit,
  describeHost,
  describeLog,
  describeVersions,
  type GitState,
  type Host,
  type Versions,
} from './host.js';
import { recordSchema } from './recordSchema.js';

export type RunStatus = 'running' | 'finished' | 'interrupted' | 'diverged' | 'failed';

/** A split as this run used it. */
export interface SplitRecord {
  readonly images: number;
  /** sha256 of the images and labels the split was read from. */
  readonly fingerprint: string;
  /** sha256 of the chosen indices, for a long-tailed or held-out subset. */
  readonly index_hash?: string;
  readonly class_counts?: readonly number[];
  /** Only of image files: `files`, or the size of the packed images that were read instead. */
  readonly images_from?: string;
}

/** What the network takes and tells apart: with the weights, all that a prediction needs. */
export interface NetworkRecord {
  /** `[height, width, channels]` of an image. */
  readonly image_shape: readonly number[];
  /** Per channel, of pixels in [0, 1]. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** In the order of the labels. */
  readonly class_names: readonly string[];
}

/** The weights a training began with. */
export interface WeightsRecord {
  readonly file: string;
  readonly format: string;
  /** Of the file. */
  readonly sha256: string;
  readonly part: Config['model']['weights_part'];
  /** Entries of the network that the file did not fill: drawn from the seed. */
  readonly drawn: readonly string[];
  /** Entries of the file that the network did not take; of what lies outside of its state dictionary, the keys. */
  readonly unused: readonly string[];
  /** What was done to the weights beside renaming them; absent where that is nothing. */
  readonly notes?: readonly string[];
}

export interface ResumeRecord {
  readonly at: string;
  /** Finished epochs in the checkpoint that training went on from. */
  readonly from_epoch: number;
  readonly command: readonly string[];
  readonly engine: EngineInfo;
  readonly versions: Versions;
  readonly host: Host;
  readonly git?: GitState;
  readonly log?: string;
}

/** A process that worked on a run: what of it can change the numbers. */
export interface RecordedProcess extends Pick<ResumeRecord, 'engine' | 'versions' | 'git'> {
  readonly host: Omit<Host, 'name'>;
}

/** The run that a second stage started from. */
export interface FirstStage {
  /** Its folder below that of all runs, `<config name>/<time>-<seed>`. */
  readonly run: string;
  readonly config_hash: string;
  /** Its last one: nothing was chosen on test images on the way. */
  readonly epoch: number;
  /** sha256 of its parameters and batch statistics, in the order of their names. */
  readonly weights_sha256: string;
  /** Seconds in its training steps, not in those of the second stage. */
  readonly training_seconds: number;
  /** That computed it, those that differ, in their order; absent in records of an older gala. */
  readonly processes?: readonly RecordedProcess[];
}

export interface RunRecord {
  readonly format: 2;
  readonly name: string;
  readonly status: RunStatus;
  readonly config: Config;
  /** sha256 of the keys of the config that decide the numbers; see `configHash`. */
  readonly config_hash: string;
  readonly seeds: { readonly run: number; readonly subset: number };
  /** Present for a second stage. */
  readonly first_stage?: FirstStage;
  readonly splits: Readonly<Record<string, SplitRecord>>;
  /** Absent in records of an older gala. */
  readonly network?: NetworkRecord;
  /** Remarks on the files of the data; absent in records of an older gala. */
  readonly notes?: readonly string[];
  readonly engine: EngineInfo;
  /** The file of `model.weights`; absent where training began with drawn weights. */
  readonly weights?: WeightsRecord;
  readonly versions: Versions;
  readonly host: Host;
  readonly git?: GitState;
  readonly command: readonly string[];
  /** The file that its messages go to, where that is a file: the log of a sweep, of a batch system, of nohup. */
  readonly log?: string;
  /** UTC, ISO 8601. */
  readonly started_at: string;
  readonly updated_at: string;
  readonly finished_at?: string;
  /** Finished epochs. */
  readonly epoch: number;
  /** Seconds in training steps, added up over resumes. */
  readonly training_seconds: number;
  readonly resumes: readonly ResumeRecord[];
  readonly results: readonly ResultRow[];
  /** Why the status is `diverged` or `failed`. */
  readonly failure?: string;
}

export interface NewRecord {
  readonly config: Config;
  readonly splits: Readonly<Record<string, SplitRecord>>;
  readonly network?: NetworkRecord;
  readonly notes?: readonly string[];
  readonly engine: EngineInfo;
  readonly firstStage?: FirstStage | undefined;
  readonly weights?: WeightsRecord | undefined;
}

/** Writes the first record of a run, status `running`. Throws `StorageError`. */
export function createRecord(
  path: string,
  { config, splits, network, notes, engine, weights, firstStage }: NewRecord,
): RunRecord {
  const now = new Date().toISOString();
  const record: RunRecord = {
    format: 2,
    name: config.name,
    status: 'running',
    config,
    config_hash: configHash(config),
    seeds: { run: config.seed, subset: config.data.subset_seed },
    ...(firstStage && { first_stage: firstStage }),
    splits,
    ...(network && { network }),
    ...(notes && { notes }),
    engine,
    ...(weights && { weights }),
    ...surroundings(),
    started_at: now,
    updated_at: now,
    epoch: 0,
    training_seconds: 0,
    resumes: [],
    results: [],
  };
  return write(path, record);
}

/**
 * Reads run.json, the keys that its config lacks filled in with their defaults. Throws `StorageError` when it is missing, damaged or of
 * another format.
 */
export function readRecord(path: string): RunRecord {
  const record = readStored(path);
  return { ...record, config: configOf(record) };
}

/** The record as it is in the file, in format 2. */
function readStored(path: string): RunRecord {
  let content: unknown;
  try {
    content = fromFormat1(JSON.parse(readRegularText(path, largestText)));
  } catch (error) {
    throw new StorageError(`Could not read the run's record: ${reasonOf(error)}`, {
      where: path,
      next: 'If this is a run folder, restore run.json from a copy; its weights can be evaluated without: gala eval --config C --weights DIR/checkpoints/last.safetensors.',
      cause: error,
    });
  }
  const fault = faultOf(content);
  if (fault === undefined) return content as RunRecord;
  throw new StorageError(`The run's record is not usable: ${fault}.`, {
    where: path,
    next: 'It was changed, or written by another version of gala: restore run.json from a copy, or start a new run.',
  });
}

/** Levels of run.json; those of gala have fewer than ten. JSON that is nested far deeper can be read, but not written again. */
const mostLevels = 100;

function isNestedDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some(inner => isNestedDeeper(inner, levels - 1));
}

/** The first thing that is wrong with the content of a run.json. */
function faultOf(content: unknown): string | undefined {
  if (isNestedDeeper(content, mostLevels)) return `the file: nested more than ${mostLevels} levels deep`;
  const issue = recordSchema.safeParse(content).error?.issues[0];
  return issue && `${issue.path.join('.') || 'the file'}: ${issue.message}`;
}

/** The processes that computed a run: those of its first stage, the one that began it, those that resumed it. */
export function processesOf(record: RunRecord): RecordedProcess[] {
  return [...(record.first_stage?.processes ?? []), ...[record, ...record.resumes].map(processOf)];
}

/** The process of a run, or of one of its resumes, as copies of its parts. */
export function processOf({
  engine,
  versions,
  host,
  git,
}: RecordedProcess & { readonly host: { readonly name?: string } }) {
  const { name: _, ...machine } = host;
  return { engine: { ...engine }, versions: { ...versions }, host: machine, ...(git && { git: { ...git } }) };
}

/** Fields a run changes while it goes on; `finished_at` and `updated_at` follow by themselves. */
export type RecordChange = Partial<Pick<RunRecord, 'status' | 'epoch' | 'training_seconds' | 'results' | 'failure'>>;

/** Rewrites run.json atomically with the changed fields. Only the holder of the folder's lock may call it. Throws `StorageError`. */
export function updateRecord(path: string, change: RecordChange): RunRecord {
  const { finished_at: _, ...record } = readStored(path);
  const now = new Date().toISOString();
  const status = change.status ?? record.status;
  return write(path, {
    ...record,
    ...change,
    updated_at: now,
    ...(status === 'running' ? {} : { finished_at: now }),
  });
}

/** Notes that training goes on from a checkpoint, here and now: status `running`, a new entry of `resumes`. Throws `StorageError`. */
export function recordResume(
  path: string,
  { fromEpoch, engine }: { fromEpoch: number; engine: EngineInfo },
): RunRecord {
  const { finished_at: _, failure: __, ...record } = readStored(path);
  const now = new Date().toISOString();
  return write(path, {
    ...record,
    status: 'running',
    updated_at: now,
    epoch: fromEpoch,
    resumes: [...record.resumes, { at: now, from_epoch: fromEpoch, engine, ...surroundings() }],
  });
}

function surroundings() {
  const git = describeGit(process.cwd());
  const log = describeLog();
  return {
    versions: describeVersions(),
    host: describeHost(),
    ...(git === undefined ? {} : { git }),
    command: process.argv.slice(1),
    ...(log === undefined ? {} : { log }),
  };
}

/** What could not be read again is not written: `Error`, for only a fault in gala brings it about. */
function write(path: string, record: RunRecord): RunRecord {
  const fault = faultOf(record);
  if (fault !== undefined) throw new Error(`the record of a run would not be usable: ${fault}`);
  writeFileAtomic(path, `${JSON.stringify(record, null, 2)}\n`);
  return record;
}
