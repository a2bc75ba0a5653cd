/** The teachers of a distillation: finished runs of one config, found among the runs by name, seed and images. */
import { configDifference, configOf, identityValues, typedValue } from '../config/identity.js';
import { loadConfig } from '../config/load.js';
import type { Config } from '../config/schema.js';
import { DataError, GalaError } from '../errors.js';
import { displayPath } from '../io/homePath.js';
import { shellWord } from '../io/shellWord.js';
import type { RunRecord } from '../run/recordSchema.js';
import { type FoundRun, latestFirst, openRunStore } from '../run/runStore.js';
import type { Experiment } from './experiment.js';
import { type FinishedRun, readFinishedRun } from './finishedRun.js';
import { networkRecord, splitRecords } from './splits.js';

/**
 * The teachers in the order of `distill.seeds`, none without `distill.teacher`; `output` is the folder of the runs.
 * Throws `DataError` where a run is missing, and `StorageError`.
 */
export function finishedTeachers(config: Config, output: string, student: Experiment): FinishedRun[] {
  const { teacher, seeds } = config.distill;
  if (teacher === undefined) return [];
  const runs = openRunStore(output);
  const own = traitsOf({ config, splits: splitRecords(student), network: networkRecord(student) });
  return seeds.map(seed => {
    const ofSeed = runs.ofName(teacher).filter(({ record }) => record.seeds.run === seed);
    const fitting = ofSeed.filter(({ state, record }) => state === 'finished' && traitsOf(record) === own);
    const [found] = latestFirst(fitting);
    if (found === undefined) throw missingTeacher(config, seed, ofSeed.length, output);
    const other = fitting.find(({ record }) => record.config_hash !== found.record.config_hash);
    if (other !== undefined) throw severalTeachers(config, seed, [found, other]);
    return readFinishedRun(found.directory, output, 'teacher');
  });
}

/** What teachers and student must have in common: the training images, without those held out, and the network. */
function traitsOf({ config, splits, network }: Pick<RunRecord, 'config' | 'splits' | 'network'>): string {
  const { fingerprint, index_hash } = splits.train;
  const { backbone, head, scale, tau } = config.model;
  const ofHead = { linear: undefined, cosine: scale, tau_normalized: tau }[head];
  return JSON.stringify([fingerprint, index_hash, splits.val?.index_hash, backbone, head, ofHead, network]);
}

function missingTeacher(config: Config, seed: number, ofSeed: number, output: string): DataError {
  const { teacher } = config.distill;
  const found =
    ofSeed === 0
      ? `There is no run of ${teacher} with seed ${seed}`
      : `No run of ${teacher} with seed ${seed} is finished and has the network and the training images of this config`;
  const words = ['gala', 'train', teacher!, '--seed', String(seed), ...overridesFor(config)];
  return new DataError(`${found} to be a teacher.`, {
    where: `distill.seeds; runs are searched for in ${displayPath(output)}`,
    next: `Train it to its end: ${words.map(shellWord).join(' ')}`,
  });
}

function severalTeachers(
  { distill: { teacher } }: Config,
  seed: number,
  [one, other]: [FoundRun, FoundRun],
): DataError {
  const differences = configDifference(configOf(one.record), configOf(other.record));
  return new DataError(`Runs of ${teacher} with seed ${seed} differ, so it is not clear which is the teacher:`, {
    where: `${[one, other].map(({ directory }) => displayPath(directory)).join(', ')}: ${differences.join('; ')}`,
    next: 'Train the teachers with a config of another name, or move one of these folders out of the folder of runs.',
  });
}

/** `key=value` for each key by which the config of the teachers would train on other images than `config`. */
function overridesFor(config: Config): string[] {
  const wanted = identityValues(config);
  const own = configOfTeacher(config);
  if (own === undefined) return [];
  const isVal = [config, own].some(({ eval: { select_on } }) => select_on === 'val');
  const keys = [...dataKeys, ...(isVal ? ['eval.select_on', 'eval.val_fraction'] : [])];
  const theirs = identityValues(own);
  return keys.flatMap(key => {
    const [value, given] = [wanted.get(key), theirs.get(key)];
    return value === given || value === undefined ? [] : [`${key}=${typedValue(value)}`];
  });
}

/** The keys of `data` that decide which images are trained on. */
const dataKeys = ['dataset', 'train_list', 'val_list', 'split', 'imbalance_factor', 'subset_seed'].map(
  key => `data.${key}`,
);

/** Undefined where no config file has the name of the teachers: they may be runs of a file of the user's. */
function configOfTeacher({ distill: { teacher } }: Config): Config | undefined {
  try {
    return loadConfig(teacher!).config;
  } catch (error) {
    if (error instanceof GalaError) return undefined;
    throw error;
  }
}
