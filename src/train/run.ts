/** A run from its folder's point of view: begin or resume, train, evaluate the kept checkpoints, and record how it ended. */
import { existsSync } from 'node:fs';
import type { Config } from '../config/schema.js';
import { CheckStopped, type CheckWatcher } from '../data/verify/checkSplit.js';
import { describeEnvironment } from '../engine/environment.js';
import { cacheWarning } from '../engine/install/cacheAccess.js';
import type { EngineInfo } from '../engine/program.js';
import { DivergedError, GalaError, StorageError, withRemedy } from '../errors.js';
import type { StagedSplits } from '../eval/evaluate.js';
import { type Evaluation, writeLogitsFile } from '../eval/logitsFile.js';
import { type ResultRow, summarize } from '../eval/summary.js';
import { writeFileAtomic } from '../io/atomicFile.js';
import { shellWord } from '../io/shellWord.js';
import { waitsFor } from '../io/waiting.js';
import { keepsClassifier } from '../models/index.js';
import { describeLongWarmup, describeScaling } from '../optim/schedule.js';
import { startSession } from '../run/eventFile.js';
import { describeHost } from '../run/host.js';
import { readMetrics, truncateToEpoch } from '../run/metricsLog.js';
import { createRecord, type RunRecord, readRecord, recordResume, updateRecord } from '../run/record.js';
import { logitsPath, type RunFolder } from '../run/runFolder.js';
import { writeResultFiles } from '../tables/resultFiles.js';
import {
  checkpointPath,
  readCheckpoint,
  readLastCheckpoint,
  startOfTraining,
  type TrainingProgress,
  writeCheckpoint,
} from './checkpoint.js';
import { type Experiment, openExperiment } from './experiment.js';
import { hasFixedFeatures, withFixedFeatures } from './fixedFeatures.js';
import type { StopRequest } from './signals.js';
import { otherImages, otherSplits, refuseOtherStage, splitRecords } from './splits.js';
import { type StartingPoint, startFrom } from './startingPoint.js';
import { describeWeights, type StartingState, startingState } from './startingState.js';
import { evaluateSplit, type TrainingObserver, train } from './trainer.js';
import { withFreshAverages } from './weightAverage.js';

/** The loop's observer, and what is said before and after it. */
export interface RunObserver extends TrainingObserver {
  onNotice(line: string): void;
  readonly check: Omit<CheckWatcher, 'stopped'>;
  onStart(start: { experiment: Experiment; engine: EngineInfo; progress: TrainingProgress }): void;
}

export interface RunRequest {
  readonly config: Config;
  /** Resolved config text for config.yaml. */
  readonly yaml: string;
  readonly folder: RunFolder;
  readonly resume: boolean;
  /** What a new run of a second stage starts from. */
  readonly start?: StartingPoint | undefined;
  readonly dataRoot?: string | undefined;
  readonly stop: StopRequest;
  readonly observer: RunObserver;
}

/** Result rows of a finished run; undefined when it was stopped before its end, with everything saved. */
export async function executeRun(request: RunRequest): Promise<ResultRow[] | undefined> {
  const { config, folder, observer } = request;
  waitsFor('the dataset to be read and checked');
  const experiment = await openChecked(request);
  if (experiment === undefined) return undefined;
  for (const note of experiment.datasets.notes) observer.onNotice(note);
  const scaling = describeScaling(config.optim, config.train.batch_size);
  if (scaling) observer.onNotice(scaling);
  const longWarmup = describeLongWarmup(config.optim, experiment.stepsPerEpoch, config.train.epochs);
  if (longWarmup && !request.resume) observer.onNotice(`Warning: ${longWarmup}`);
  const [other] = request.resume ? otherSplits(readRecord(folder.record).splits, experiment) : [];
  if (other !== undefined) throw otherImages(other, folder, experiment, 'start a new run without --resume');
  if (request.start) refuseOtherStage(request.start, experiment);
  const saved = request.resume ? readLastCheckpoint(folder.checkpoints, loggedEpochs(folder)) : undefined;
  if (saved?.notice) observer.onNotice(saved.notice);
  const { notes = [] } = await experiment.settings();
  for (const note of notes) observer.onNotice(note);
  const warning = cacheWarning();
  if (warning !== undefined) observer.onNotice(`Warning: ${warning}`);
  const progress = saved?.checkpoint.progress ?? startOfTraining;
  const begun: StartingState = saved ? { state: saved.checkpoint.state } : await stateAtStart(experiment, request);
  if (begun.weights) observer.onNotice(describeWeights(begun.weights));
  waitsFor('the engine to compile the network');
  const isFixed = hasFixedFeatures(config);
  const executable = await (isFixed ? experiment.compileOnFeatures(begun.state) : experiment.compile(begun.state));

  try {
    if (existsSync(folder.record)) {
      continueRecord(request, executable.info, progress);
      // A finished run is evaluated from `last` too, and nothing else writes it when the best epoch was the last one.
      if (saved?.checkpoint.path === checkpointPath(folder.checkpoints, 'best'))
        writeCheckpoint(folder.checkpoints, 'last', begun.state, progress, { keepPrevious: true });
    } else {
      // What was started from is kept: the run can be resumed when the first stage, or the weights file, is gone.
      if (request.start || begun.weights) writeCheckpoint(folder.checkpoints, 'last', begun.state, startOfTraining);
      writeFileAtomic(folder.config, request.yaml);
      createRecord(folder.record, {
        config,
        splits: splitRecords(experiment),
        notes: experiment.datasets.notes,
        engine: executable.info,
        firstStage: request.start?.source,
        weights: begun.weights,
      });
    }
    const { started_at } = readRecord(folder.record);
    const events = startSession(folder.directory, readMetrics(folder.metrics).lines, started_at);
    observer.onStart({ experiment, engine: executable.info, progress });
    if (isFixed)
      observer.onNotice('The backbone is frozen and its images stay the same: their features are computed once.');
    const staged: StagedSplits = new Map();
    const training = isFixed ? await withFixedFeatures(experiment, executable) : experiment;
    const end = await train({
      experiment: training,
      executable,
      staged,
      folder,
      events,
      progress,
      stop: request.stop,
      observer,
    });
    if (end.epoch <= config.train.epochs) {
      updateRecord(folder.record, { status: 'interrupted', training_seconds: end.training_seconds });
      return undefined;
    }
    const evaluations = await evaluateKept(training, executable, folder, staged);
    const summarized = evaluations.map(evaluation => ({
      evaluation,
      summary: summarize(evaluation, [config.eval.tau]),
    }));
    const rows = writeResultFiles(folder.directory, summarized, 'config');
    updateRecord(folder.record, { status: 'finished', results: rows });
    return rows;
  } catch (error) {
    recordFailure(folder, error);
    throw withResumption(folder, error);
  } finally {
    executable.dispose();
  }
}

/** The experiment with every image checked that the run will read; undefined when it was asked to stop meanwhile. */
async function openChecked({ config, dataRoot, observer, stop }: RunRequest): Promise<Experiment | undefined> {
  try {
    return await openExperiment(config, dataRoot, {
      check: config.eval.select_on === 'val' ? ['train', 'val', 'test'] : ['train', 'test'],
      watcher: { ...observer.check, stopped: () => stop.signal !== undefined },
    });
  } catch (error) {
    if (error instanceof CheckStopped) return undefined;
    throw error;
  }
}

async function stateAtStart(experiment: Experiment, { start, config, folder }: RunRequest): Promise<StartingState> {
  const initial = experiment.initialState();
  if (start) return { state: withFreshAverages(startFrom(initial, start.weights, keepsClassifier(config.model))) };
  if (config.stages === undefined) return startingState(initial, config.model);
  throw new StorageError('This run of a second stage has no checkpoint, and so no backbone to start from.', {
    where: folder.checkpoints,
    next: 'Start it anew without --resume; the first stage is not trained again.',
  });
}

/** Test logits of `best` (where a split chose one) and `last`, stored in logits/. */
async function evaluateKept(
  experiment: Experiment,
  executable: Awaited<ReturnType<Experiment['compile']>>,
  folder: RunFolder,
  staged: StagedSplits,
): Promise<Evaluation[]> {
  const { config, datasets } = experiment;
  const evaluate = async (checkpoint: 'best' | 'last', selectedOn: string) => {
    const { state, progress } = readCheckpoint(checkpointPath(folder.checkpoints, checkpoint));
    await executable.writeState(state);
    const source = { checkpoint, epoch: progress.epoch - 1, selectedOn };
    const evaluation = await evaluateSplit(experiment, executable, 'test', datasets.test, source, staged);
    writeLogitsFile(logitsPath(folder, `test-${checkpoint}`), evaluation);
    return evaluation;
  };
  const last = await evaluate('last', 'last');
  return config.eval.select_on === 'last' ? [last] : [await evaluate('best', config.eval.select_on), last];
}

/** Notes a resumption in run.json and in metrics.jsonl; epochs after the checkpoint are trained, and written, again. */
function continueRecord({ folder, observer }: RunRequest, engine: EngineInfo, progress: TrainingProgress): void {
  for (const line of describeChanges(readRecord(folder.record), engine)) observer.onNotice(line);
  for (const path of [folder.metrics, folder.gradients]) {
    const { notice } = truncateToEpoch(path, progress.epoch - 1);
    if (notice) observer.onNotice(notice);
  }
  recordResume(folder.record, { fromEpoch: progress.epoch - 1, engine });
}

/** A sentence for each thing that rounds numbers otherwise than where the run began. */
function describeChanges(before: RunRecord, engine: EngineInfo): string[] {
  const then = before.engine;
  const machines = [then, engine].every(({ device }) => device === 'cpu')
    ? [
        ['CPU', before.host.cpu, describeHost().cpu],
        // Records of an older gala do not name it.
        ['instruction set', then.instructions ?? engine.instructions, engine.instructions ?? then.instructions],
      ]
    : [];
  const surely = [
    ...(['engine', 'version', 'precision', 'threads', 'device'] as const).map(key => [key, then[key], engine[key]]),
    ['devices', then.devices ?? 1, engine.devices ?? 1],
  ];
  const maybe = [
    ...machines,
    ['environment', describeEnvironment(then.environment), describeEnvironment(engine.environment)],
  ];
  const sentences = (facts: readonly (readonly unknown[])[], verb: string) =>
    facts
      .filter(([, old, now]) => old !== now)
      .map(
        ([name, old, now]) =>
          `This run began with ${name} ${old} and goes on with ${now}: its numbers ${verb} differ from those of an unbroken run.`,
      );
  return [...sentences(surely, 'will'), ...sentences(maybe, 'can')];
}

/** The last epoch that is in both logs; a checkpoint is written after its epoch's lines, so only damage leaves them behind it. */
function loggedEpochs(folder: RunFolder): number {
  const logs = [folder.metrics, folder.gradients].filter(path => existsSync(path));
  return Math.min(...logs.map(path => readMetrics(path).lines.at(-1)?.epoch ?? 0));
}

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
