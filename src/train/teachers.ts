/** The teachers of a distillation: finished runs of one config, found among the runs by name, seed and images. */
import { resolve } from 'node:path';
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
import { networkRecord, ownDataRoot, splitRecords } from './splits.js';

/**
 * The teachers in the order of `distill.seeds`, none without `distill.teacher`; `output` is the folder of the runs.
 * Throws `DataError` where a run is missing or several fit, and `StorageError`.
 */
export function finishedTeachers(student: Experiment, output: string): FinishedRun[] {
  const { config } = student;
  const { teacher, seeds } = config.distill;
  if (teacher === undefined) return [];
  const own = traitsOf({ config, splits: splitRecords(student), network: networkRecord(student) });
  const fitting = latestFirst(openRunStore(output).ofName(teacher)).filter(({ record }) => traitsOf(record) === own);
  return seeds.map(seed => {
    const ofSeed = fitting.filter(({ record }) => record.seeds.run === seed);
    const [found, ...others] = ofSeed.filter(({ state }) => state === 'finished');
    if (found === undefined) throw missingTeacher(student, seed, output, ofSeed);
    const other = others.find(({ record }) => record.config_hash !== found.record.config_hash);
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

/** `begun` are the runs that fit but are not finished. */
function missingTeacher(student: Experiment, seed: number, output: string, begun: readonly FoundRun[]): DataError {
  const { teacher } = student.config.distill;
  const needed = `no finished run of ${teacher} has this seed and the network and training images of this config`;
  return new DataError(`There is no teacher with seed ${seed}: ${needed}.`, {
    where: `distill.seeds; runs are searched for in ${displayPath(output)}`,
    next: remedyFor(student, seed, output, begun),
  });
}

function remedyFor(student: Experiment, seed: number, output: string, ofSeed: readonly FoundRun[]): string {
  const begun = ofSeed.find(({ state }) => state === 'in progress' || state === 'resumable');
  if (begun?.state === 'in progress') return `Wait for the end of the run in ${displayPath(begun.directory)}.`;
  if (begun) return `Train it to its end: gala train --resume ${shellWord(displayPath(begun.directory))}`;
  const { teacher } = student.config.distill;
  const theirs = configOfTeacher(student.config);
  if (theirs === undefined) return `Train it to its end, with --seed ${seed} and the config file of ${teacher}.`;
  const root = ownDataRoot(student);
  const words = [
    ...['gala', 'train', teacher!, '--seed', String(seed), ...overridesFor(student.config, theirs)],
    ...(root === undefined ? [] : ['--data', displayPath(root)]),
    ...(resolve(output) === resolve('runs') ? [] : ['--runs', displayPath(output)]),
  ];
  return `Train it to its end: ${words.map(shellWord).join(' ')}`;
}

function severalTeachers({ distill }: Config, seed: number, [one, other]: [FoundRun, FoundRun]): DataError {
  const differences = configDifference(configOf(one.record), configOf(other.record));
  const [here, there] = [one, other].map(({ directory }) => displayPath(directory));
  const which = `Two runs of ${distill.teacher} with seed ${seed} differ, and both could be the teacher`;
  return new DataError(`${which}: ${differences.join('; ')}.`, {
    where: `${here} → ${there}`,
    next: 'Train the teachers with a config of another name, or move one of these folders out of the folder of runs.',
  });
}

/** `key=value` for each key by which the config of the teachers, `theirs`, has other images or another network. */
function overridesFor(config: Config, theirs: Config): string[] {
  const [wanted, given] = [identityValues(config), identityValues(theirs)];
  const isVal = [config, theirs].some(({ eval: { select_on } }) => select_on === 'val');
  return [...wanted]
    .filter(([key, value]) => value !== given.get(key) && (ofTraits.test(key) || (isVal && ofVal.test(key))))
    .map(([key, value]) => `${key}=${typedValue(value)}`);
}

/** The keys that decide the network, and the images but for held-out ones. */
const ofTraits = new RegExp(
  '^(model\\.(backbone|head|scale|tau)|data\\.(dataset|train_list|val_list|split|imbalance_factor|subset_seed|' +
    'on_bad_image|image_size|normalisation))\\b',
);
const ofVal = /^eval\.(select_on|val_fraction)$/;

/** Undefined where no config file has the name of the teachers: they may be runs of a file of the user's. */
function configOfTeacher({ distill: { teacher } }: Config): Config | undefined {
  try {
    return loadConfig(teacher!).config;
  } catch (error) {
    if (error instanceof GalaError) return undefined;
    throw error;
  }
}
