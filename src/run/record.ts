/** `run.json`: it alone tells a reader which data, subset, seed, code, engine and split made a number. */
import { existsSync } from 'node:fs';
import { configHash, configOf } from '../config/identity.js';
import type { Config } from '../config/schema.js';
import type { EngineInfo } from '../engine/program.js';
import { DataError, StorageError } from '../errors.js';
import { fromFormat1 } from '../eval/format1.js';
import { writeFileAtomic } from '../io/atomicFile.js';
import { reasonOf } from '../io/faults.js';
import { largestText, readRegularText } from '../io/regularFile.js';
import { shellWord } from '../io/shellWord.js';
import { describeGit, describeHost, describeLog, describeVersions } from './host.js';
import {
  type NetworkRecord,
  type RunRecord,
  recordSchema,
  type SourceRun,
  type WeightsRecord,
} from './recordSchema.js';

export interface NewRecord {
  readonly config: Config;
  readonly splits: RunRecord['splits'];
  readonly network?: NetworkRecord;
  readonly notes?: readonly string[];
  /** Absolute; left out for data that comes with gala. */
  readonly dataRoot?: string | undefined;
  readonly engine: EngineInfo;
  readonly firstStage?: SourceRun | undefined;
  readonly teachers?: readonly SourceRun[] | undefined;
  readonly weights?: WeightsRecord | undefined;
}

/** Writes the first record of a run, status `running`. Throws `StorageError`. */
export function createRecord(
  path: string,
  { config, splits, network, notes, dataRoot, engine, weights, firstStage, teachers }: NewRecord,
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
    ...(teachers && { teachers }),
    splits,
    ...(network && { network }),
    ...(notes && { notes }),
    ...(dataRoot !== undefined && { data_root: dataRoot }),
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
 * Reads run.json; keys that its config lacks get their defaults. Throws `StorageError` when the file is missing,
 * damaged or of another format.
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
      next:
        'If this is a run folder, restore run.json from a copy; its weights can be evaluated without: gala ' +
        'eval --config C --weights DIR/checkpoints/last.safetensors.',
      cause: error,
    });
  }
  const checked = check(content);
  if (typeof checked !== 'string') return checked;
  throw new StorageError(`The run's record is not usable: ${checked}.`, {
    where: path,
    next: 'It was changed, or written by another version of gala: restore run.json from a copy, or start a new run.',
  });
}

/** Most levels of a run.json; gala writes fewer than ten. JavaScript can parse far deeper JSON, but not write it. */
const mostLevels = 100;

function isNestedDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some(inner => isNestedDeeper(inner, levels - 1));
}

/** The record, or the first fault of the content of a run.json. */
function check(content: unknown): RunRecord | string {
  if (isNestedDeeper(content, mostLevels)) return `the file: nested more than ${mostLevels} levels deep`;
  const { data, error } = recordSchema.safeParse(content);
  return error ? reasonOf(error) : data;
}

/** Fields that a run changes; `finished_at` and `updated_at` are set with them. */
export type RecordChange = Partial<
  Pick<
    RunRecord,
    'status' | 'epoch' | 'training_seconds' | 'results' | 'metrics' | 'oracle' | 'rebalanced_best' | 'failure'
  >
>;

/**
 * Rewrites run.json atomically with the changed fields. Only the holder of the folder's lock may call it. Throws
 * `StorageError`.
 */
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

/**
 * Records that training resumes from a checkpoint: status `running`, a new entry of `resumes`. Throws `StorageError`.
 */
export function recordResume(
  path: string,
  { fromEpoch, engine, dataRoot }: { fromEpoch: number; engine: EngineInfo; dataRoot?: string | undefined },
): RunRecord {
  const { finished_at: _, failure: __, ...record } = readStored(path);
  const now = new Date().toISOString();
  return write(path, {
    ...record,
    ...(dataRoot !== undefined && { data_root: dataRoot }),
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

/** Throws `Error` for a record that could not be read again, which only a fault in gala can make. */
function write(path: string, record: RunRecord): RunRecord {
  const checked = check(record);
  if (typeof checked === 'string') throw new Error(`the record of a run would not be usable: ${checked}`);
  writeFileAtomic(path, `${JSON.stringify(record, null, 2)}\n`);
  return record;
}

/**
 * The folder of a run's images: `given` (`--data`), else the folder that run.json remembers. Undefined where there is
 * neither, and where the remembered folder is gone but GALA_DATA is set. Throws `DataError` where it is gone and
 * nothing else is given.
 */
export function dataRootOf(
  { data_root: remembered }: Pick<RunRecord, 'data_root'>,
  given: string | undefined,
): string | undefined {
  if (given !== undefined || remembered === undefined) return given;
  if (existsSync(remembered)) return remembered;
  if (process.env.GALA_DATA) return undefined;
  throw new DataError('The data of this run is not where the run last read it.', {
    where: remembered,
    next: `Give its folder with --data DIR, or put the data back: ${shellWord(remembered)}`,
  });
}
