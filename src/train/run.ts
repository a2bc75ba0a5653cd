/** One run: begin or resume it, train, evaluate the checkpoints `best` and `last`, and record how it ended. */
import { existsSync } from 'node:fs';
import type { Config } from '../config/schema.js';
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
import { evaluateSplit } from './evaluateSplit.js';
import { compileForEvaluation, type Experiment, openExperiment } from './experiment.js';
import { withFixedFeatures } from './fixedFeatures.js';
import { hasFixedFeatures } from './learning.js';
import type { RunRequest } from './runRequest.js';
import { networkRecord, otherImages, otherSplits, ownDataRoot, refuseOtherStage, splitRecords } from './splits.js';
import { train } from './trainer.js';

/** The result rows of the finished run; undefined if it was stopped before its end, with everything saved. */
export async function executeRun(request: RunRequest): Promise<ResultRow[] | undefined> {
  const experiment = await openChecked(request);
  if (experiment === undefined) return undefined;
  notePlan(request, experiment);
  refuseOtherData(request, experiment);
  const saved = request.resume ? savedBeginning(request, experiment) : undefined;
  const settings = await engineSettings({ ...request.config, precision: precisionOf(request) });
  noteEngine(request, settings);
  const beginning = saved ?? (await newBeginning(request, experiment));
  const executable = await compileRun(experiment, beginning, settings);
  try {
    if (existsSync(request.folder.record)) recordResumption(request, beginning, experiment, executable.info);
    else recordStart(request, beginning, experiment, executable.info);
    return await trainAndEvaluate(request, beginning, experiment, executable);
  } catch (error) {
    recordFailure(request.folder, error);
    throw withResumeCommand(request.folder, error);
  } finally {
    executable.dispose();
  }
}

// ------------------------------------------------ before the first step

/** A resumed run keeps its precision, also on a machine where `auto` means another one. */
function precisionOf({ config, folder, resume }: RunRequest): Config['precision'] {
  return resume && existsSync(folder.record) ? readRecord(folder.record).engine.precision : config.precision;
}

/** The experiment, after a check of every image that the run will read; undefined if a signal stops the check. */
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

/** Tells the user what may be unexpected in the data and the learning rate. */
function notePlan({ config, resume, observer }: RunRequest, { datasets, stepsPerEpoch }: Experiment): void {
  for (const note of datasets.notes) observer.onNotice(note);
  const scaling = describeScaling(config.optim, config.train.batch_size);
  if (scaling) observer.onNotice(scaling);
  const longWarmup = describeLongWarmup(config.optim, stepsPerEpoch, config.train.epochs);
  if (longWarmup && !resume) observer.onNotice(`Warning: ${longWarmup}`);
}

/** Throws `DataError` when the run, or its first stage, began with other images. */
function refuseOtherData({ folder, resume, firstStage }: RunRequest, experiment: Experiment): void {
  const [other] = resume ? otherSplits(readRecord(folder.record).splits, experiment) : [];
  if (other !== undefined) throw otherImages(other, folder, experiment, 'start a new run without --resume');
  if (firstStage) refuseOtherStage(firstStage, experiment);
}

/** Tells the user what to know about the chosen engine and its cache. */
function noteEngine({ observer }: RunRequest, { notes = [] }: EngineSettings): void {
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
  const { state, progress, weights, teachers } = beginning;
  // With this checkpoint the run can be resumed even if the first stage, the teachers or the weights file is removed.
  if (firstStage || weights || teachers) writeCheckpoint(folder.checkpoints, 'last', state, progress);
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
    teachers,
  });
}

/** Records the resumption in run.json, and removes the epochs after the checkpoint from the logs. */
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
  // The final evaluation needs `last`. If the best epoch is the last one, no training follows that would write it.
  if (checkpoint === checkpointPath(folder.checkpoints, 'best'))
    writeCheckpoint(folder.checkpoints, 'last', state, progress, { keepPrevious: true });
}

// ------------------------------------------------ training and results

/** The rest of `executeRun`, for a run that has its record. */
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

/** Test logits of `last`, and of `best` if a split selects it; computed in float32 and stored in logits/. */
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

/** The error with the command that resumes the run, if the run can be resumed once the cause is removed. */
function withResumeCommand(folder: RunFolder, error: unknown): unknown {
  const cannotResume = !(error instanceof GalaError) || error instanceof DivergedError || !existsSync(folder.record);
  return cannotResume
    ? error
    : withRemedy(error, `To go on with this run: gala train --resume ${shellWord(folder.directory)}`);
}

/** Never throws: a failure to record must not hide the error that ended the run. */
function recordFailure(folder: RunFolder, error: unknown): void {
  try {
    const failure = error instanceof Error ? error.message : String(error);
    updateRecord(folder.record, { status: error instanceof DivergedError ? 'diverged' : 'failed', failure });
  } catch {
    // The folder is gone or the disk is full, which is what `error` says.
  }
}
