/**
 * A run from its folder's point of view: begin or resume, train, evaluate the kept checkpoints, and record how it
 * ended.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { bundledFashionMnistLt } from '../data/fashionMnist.js';
import { CheckStopped } from '../data/verify/checkSplit.js';
import { compile, type EngineSettings, engineSettings } from '../engine/index.js';
import { cacheWarning } from '../engine/install/cacheAccess.js';
import type { EngineInfo, Executable } from '../engine/program.js';
import { DivergedError, GalaError, withRemedy } from '../errors.js';
import type { StagedSplits } from '../eval/evaluate.js';
import { type Evaluation, writeLogitsFile } from '../eval/logitsFile.js';
import type { ResultRow } from '../eval/resultRow.js';
import { summarizeCheckpoints } from '../eval/summary.js';
import { writeFileAtomic } from '../io/atomicFile.js';
import { shellWord } from '../io/shellWord.js';
import { waitsFor } from '../io/waiting.js';
import { evaluatedModel } from '../models/modelEntries.js';
import { describeLongWarmup, describeScaling } from '../optim/schedule.js';
import { startSession } from '../run/eventFile.js';
import { readMetrics, truncateToEpoch } from '../run/metricsLog.js';
import { createRecord, dataRootOf, readRecord, recordResume, updateRecord } from '../run/record.js';
import { logitsPath, type RunFolder } from '../run/runFolder.js';
import { resultCheckpoints, runScores } from '../run/storedScores.js';
import { writeResultFiles } from '../tables/resultFiles.js';
import { type Beginning, newBeginning, savedBeginning } from './beginning.js';
import { describeChanges } from './changedEngine.js';
import { checkpointPath, readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { compileForEvaluation, type Experiment, openExperiment } from './experiment.js';
import { withFixedFeatures } from './fixedFeatures.js';
import { hasFixedFeatures } from './learning.js';
import type { RunRequest } from './runRequest.js';
import { networkRecord, otherImages, otherSplits, refuseOtherStage, splitRecords } from './splits.js';
import { evaluateSplit, train } from './trainer.js';

/** Result rows of a finished run; undefined when it was stopped before its end, with everything saved. */
export async function executeRun(request: RunRequest): Promise<ResultRow[] | undefined> {
  const experiment = await openChecked(request);
  if (experiment === undefined) return undefined;
  describePlan(request, experiment);
  refuseOtherData(request, experiment);
  const saved = request.resume ? savedBeginning(request, experiment) : undefined;
  const settings = await engineSettings(request.config);
  describeEngine(request, settings);
  const beginning = saved ?? (await newBeginning(request, experiment));
  const executable = await compileRun(experiment, beginning, settings);
  try {
    if (existsSync(request.folder.record)) recordResumption(request, beginning, experiment, executable.info);
    else recordStart(request, beginning, experiment, executable.info);
    return await trainAndEvaluate(request, beginning, experiment, executable);
  } catch (error) {
    recordFailure(request.folder, error);
    throw withResumption(request.folder, error);
  } finally {
    executable.dispose();
  }
}

// ------------------------------------------------ before the first step

/** The experiment with every image checked that the run will read; undefined when it was asked to stop meanwhile. */
async function openChecked({
  config,
  folder,
  resume,
  dataRoot: given,
  observer,
  stop,
}: RunRequest): Promise<Experiment | undefined> {
  const dataRoot = resume ? dataRootOf(readRecord(folder.record), given) : given;
  waitsFor('the dataset to be read and checked');
  try {
    return await openExperiment(config, dataRoot, {
      check: config.eval.select_on === 'val' ? ['train', 'val', 'test'] : ['train', 'test'],
      ...(config.train.epochs > 0 && { batchSize: config.train.batch_size }),
      watcher: { ...observer.check, stopped: () => stop.signal !== undefined },
    });
  } catch (error) {
    if (error instanceof CheckStopped) return undefined;
    throw error;
  }
}

/** Says what the user may not expect of the data and of the learning rate. */
function describePlan({ config, resume, observer }: RunRequest, { datasets, stepsPerEpoch }: Experiment): void {
  for (const note of datasets.notes) observer.onNotice(note);
  const scaling = describeScaling(config.optim, config.train.batch_size);
  if (scaling) observer.onNotice(scaling);
  const longWarmup = describeLongWarmup(config.optim, stepsPerEpoch, config.train.epochs);
  if (longWarmup && !resume) observer.onNotice(`Warning: ${longWarmup}`);
}

/** The images are those that the run, or its first stage, began with. Throws `DataError`. */
function refuseOtherData({ folder, resume, firstStage }: RunRequest, experiment: Experiment): void {
  const [other] = resume ? otherSplits(readRecord(folder.record).splits, experiment) : [];
  if (other !== undefined) throw otherImages(other, folder, experiment, 'start a new run without --resume');
  if (firstStage) refuseOtherStage(firstStage, experiment);
}

/** Says what the user should know of the engine that was chosen, and of its cache. */
function describeEngine({ observer }: RunRequest, { notes = [] }: EngineSettings): void {
  for (const note of notes) observer.onNotice(note);
  const warning = cacheWarning();
  if (warning !== undefined) observer.onNotice(`Warning: ${warning}`);
}

async function compileRun(experiment: Experiment, { state }: Beginning, settings: EngineSettings): Promise<Executable> {
  waitsFor('the engine to compile the network');
  const { config, programs, programsOnFeatures } = experiment;
  return compile({ state, programs: hasFixedFeatures(config) ? programsOnFeatures : programs }, settings);
}

/** Writes the record of a new run. */
function recordStart(request: RunRequest, beginning: Beginning, experiment: Experiment, engine: EngineInfo): void {
  const { config, folder, firstStage, yaml } = request;
  const { state, progress, weights } = beginning;
  // What was started from is kept: the run can be resumed when the first stage, or the weights file, is gone.
  if (firstStage || weights) writeCheckpoint(folder.checkpoints, 'last', state, progress);
  writeFileAtomic(folder.config, yaml);
  createRecord(folder.record, {
    config,
    splits: splitRecords(experiment),
    network: networkRecord(experiment),
    notes: experiment.datasets.notes,
    dataRoot: ownDataRoot(experiment),
    engine,
    firstStage: firstStage?.source,
    weights,
  });
}

/** Notes a resumption in run.json and in the logs; epochs after the checkpoint are trained, and written, again. */
function recordResumption(
  { folder, observer }: RunRequest,
  beginning: Beginning,
  experiment: Experiment,
  engine: EngineInfo,
): void {
  const { state, progress, checkpoint } = beginning;
  for (const line of describeChanges(readRecord(folder.record), engine)) observer.onNotice(line);
  for (const path of [folder.metrics, folder.gradients]) {
    const { notice } = truncateToEpoch(path, progress.epoch - 1);
    if (notice) observer.onNotice(notice);
  }
  recordResume(folder.record, { fromEpoch: progress.epoch - 1, engine, dataRoot: ownDataRoot(experiment) });
  // A finished run is evaluated from `last` too, and nothing else writes it when the best epoch was the last one.
  if (checkpoint === checkpointPath(folder.checkpoints, 'best'))
    writeCheckpoint(folder.checkpoints, 'last', state, progress, { keepPrevious: true });
}

/**
 * The absolute folder that was read; undefined for the set that comes with gala, which another installation has
 * elsewhere.
 */
function ownDataRoot({ datasets: { root } }: Experiment): string | undefined {
  return root === bundledFashionMnistLt() ? undefined : resolve(root);
}

// ------------------------------------------------ training, and what is kept of it

/** As `executeRun`, for a run that has its record. */
async function trainAndEvaluate(
  { config, folder, stop, observer }: RunRequest,
  { progress }: Beginning,
  experiment: Experiment,
  executable: Executable,
): Promise<ResultRow[] | undefined> {
  const events = startSession(
    folder.directory,
    readMetrics(folder.metrics).lines,
    readRecord(folder.record).started_at,
  );
  observer.onStart({ experiment, engine: executable.info, progress });
  const isFixed = hasFixedFeatures(config);
  if (isFixed)
    observer.onNotice('The backbone is frozen and its images stay the same: their features are computed once.');
  const training = isFixed ? await withFixedFeatures(experiment, executable) : experiment;
  const staged: StagedSplits = new Map();
  const end = await train({ experiment: training, executable, staged, folder, events, progress, stop, observer });
  if (end.epoch <= config.train.epochs) {
    updateRecord(folder.record, { status: 'interrupted', training_seconds: end.training_seconds });
    return undefined;
  }
  const checkpoints = summarizeCheckpoints(await evaluateKept(experiment, folder), config.eval.tau);
  writeResultFiles(folder.directory, checkpoints, 'config');
  const scores = runScores(checkpoints, readMetrics(folder.metrics).lines, config);
  updateRecord(folder.record, { status: 'finished', ...scores });
  return [...scores.results];
}

/** Test logits of `best` (where a split chose one) and `last`, computed in float32 and stored in logits/. */
async function evaluateKept(experiment: Experiment, folder: RunFolder): Promise<Evaluation[]> {
  const { config, datasets } = experiment;
  const kept = resultCheckpoints(config).map(name => ({
    name,
    ...readCheckpoint(checkpointPath(folder.checkpoints, name)),
  }));
  waitsFor('the engine to compile the evaluation');
  const executable = await compileForEvaluation(experiment, kept[0]!.state);
  try {
    const evaluations: Evaluation[] = [];
    for (const { name: checkpoint, state, progress } of kept) {
      await executable.writeState(evaluatedModel(state));
      const selected_on = checkpoint === 'last' ? 'last' : config.eval.select_on;
      const source = { checkpoint, epoch: progress.epoch - 1, selected_on };
      const evaluation = await evaluateSplit(experiment, executable, 'test', datasets.test, source);
      writeLogitsFile(logitsPath(folder, `test-${checkpoint}`), evaluation);
      evaluations.push(evaluation);
    }
    return evaluations;
  } finally {
    executable.dispose();
  }
}

// ------------------------------------------------ failure

/** A run that failed goes on from its last checkpoint once the cause is gone: nobody should have to look up how. */
function withResumption(folder: RunFolder, error: unknown): unknown {
  const isOver = !(error instanceof GalaError) || error instanceof DivergedError || !existsSync(folder.record);
  return isOver
    ? error
    : withRemedy(error, `To go on with this run: gala train --resume ${shellWord(folder.directory)}`);
}

/** The error that is being thrown matters more than one while noting it. */
function recordFailure(folder: RunFolder, error: unknown): void {
  try {
    const failure = error instanceof Error ? error.message : String(error);
    updateRecord(folder.record, { status: error instanceof DivergedError ? 'diverged' : 'failed', failure });
  } catch {
    // the folder is gone or the disk is full: the message of `error` says so
  }
}
