/** The teachers of a distillation: finished runs of one config, found among the runs by name, seed and images. */
import { resolve } from 'node:path';
import { configDifference, configHash, configOf, identityValues, typedValue } from '../config/identity.js';
import { loadConfig } from '../config/load.js';
import type { Config } from '../config/schema.js';
import { DataError, GalaError } from '../errors.js';
import { displayPath } from '../io/homePath.js';
import { shellWord } from '../io/shellWord.js';
import type { RunRecord } from '../run/recordSchema.js';
import { type FoundRun, latestFirst, openRunStore } from '../run/runStore.js';
import { type Experiment, openExperiment } from './experiment.js';
import { type FinishedRun, readFinishedRun } from './finishedRun.js';
import { networkRecord, ownDataRoot, splitRecords } from './splits.js';

/**
 * The teachers in the order of `seeds`, none without `distill.teacher`; `output` is the folder of the runs. If several
 * runs fit and one is the first stage of the student, that one teaches. Throws `DataError` where a run is missing or
 * several others fit, and `StorageError`.
 */
export function finishedTeachers(
  student: Experiment,
  output: string,
  seeds: readonly number[] = student.config.distill.seeds,
): FinishedRun[] {
  const { config } = student;
  const { teacher } = config.distill;
  if (teacher === undefined) return [];
  const own = traitsOfExperiment(student);
  const fitting = latestFirst(openRunStore(output).ofName(teacher)).filter(({ record }) => traitsOf(record) === own);
  const finished = fitting.filter(({ state }) => state === 'finished');
  const ofSeed = (runs: readonly FoundRun[], seed: number) => runs.filter(({ record }) => record.seeds.run === seed);
  const missing = seeds.filter(seed => ofSeed(finished, seed).length === 0);
  if (missing.length > 0) {
    const begun = missing.length === 1 ? ofSeed(fitting, missing[0]!) : [];
    throw missingTeachers(student, missing, output, begun);
  }
  const hashOf = ({ record }: FoundRun) => configHash(configOf(record));
  const ofFirstStage = config.stages && configHash(config.stages.representation);
  return seeds.map(seed => {
    const [latest, ...others] = ofSeed(finished, seed);
    const firstStage = ofSeed(finished, seed).find(run => hashOf(run) === ofFirstStage);
    const other = others.find(run => hashOf(run) !== hashOf(latest!));
    if (firstStage === undefined && other !== undefined) throw severalTeachers(config, seed, [latest!, other]);
    return readFinishedRun((firstStage ?? latest!).directory, output, 'teacher');
  });
}

/**
 * Throws as `finishedTeachers`, before the hours of a first stage, which may be a teacher itself. Throws what opening
 * the data throws.
 */
export async function requireTeachers(config: Config, output: string, dataRoot?: string): Promise<void> {
  const { teacher, seeds } = config.distill;
  const first = config.stages?.representation;
  if (teacher === undefined) return;
  const student = await openExperiment(config, dataRoot);
  const firstTeaches =
    first?.name === teacher &&
    traitsOfExperiment(await openExperiment(first, dataRoot)) === traitsOfExperiment(student);
  const others = seeds.filter(seed => !(firstTeaches && seed === first.seed));
  finishedTeachers(student, output, others);
}

function traitsOfExperiment(experiment: Experiment): string {
  const { config } = experiment;
  return traitsOf({ config, splits: splitRecords(experiment), network: networkRecord(experiment) });
}

/** What teachers and student must have in common: the training images, without those held out, and the network. */
function traitsOf({ config, splits, network }: Pick<RunRecord, 'config' | 'splits' | 'network'>): string {
  const { fingerprint, index_hash } = splits.train;
  const { backbone, head, scale, tau } = config.model;
  const ofHead = { linear: undefined, cosine: scale, tau_normalized: tau }[head];
  return JSON.stringify([fingerprint, index_hash, splits.val?.index_hash, backbone, head, ofHead, network]);
}

/** `begun` are runs of a single missing teacher that fit but are not finished. */
function missingTeachers(
  student: Experiment,
  seeds: readonly number[],
  output: string,
  begun: readonly FoundRun[],
): DataError {
  const { teacher } = student.config.distill;
  const [found, these] =
    seeds.length === 1
      ? [`There is no teacher with seed ${seeds[0]}`, 'this seed']
      : [`There are no teachers with the seeds ${seeds.join(', ')}`, 'one of these seeds'];
  const needed = `no finished run of ${teacher} has ${these} and the network and training images of this config`;
  return new DataError(`${found}: ${needed}.`, {
    where: `distill.seeds; runs are searched for in ${displayPath(output)}`,
    next: remedyFor(student, seeds, output, begun),
  });
}

function remedyFor(student: Experiment, seeds: readonly number[], output: string, begun: readonly FoundRun[]): string {
  const run = begun.find(({ state }) => state === 'in progress' || state === 'resumable');
  if (run?.state === 'in progress') return `Wait for the end of the run in ${displayPath(run.directory)}.`;
  if (run) return `Train it to its end: gala train --resume ${shellWord(displayPath(run.directory))}`;
  const { teacher } = student.config.distill;
  const theirs = configOfTeacher(student.config);
  const [end, command, ofSeeds] =
    seeds.length === 1
      ? ['Train it to its end', 'train', ['--seed', String(seeds[0])]]
      : ['Train each to its end', 'sweep', [`seed=${seeds}`]];
  if (theirs === undefined)
    return `${end} by gala ${command}, with ${ofSeeds.join(' ')} and the config file of ${teacher}.`;
  const root = ownDataRoot(student);
  const words = [
    ...['gala', command, teacher!, ...ofSeeds, ...overridesFor(student.config, theirs)],
    ...(root === undefined ? [] : ['--data', displayPath(root)]),
    ...(resolve(output) === resolve('runs') ? [] : ['--runs', displayPath(output)]),
  ];
  return `${end}: ${words.map(shellWord).join(' ')}`;
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
