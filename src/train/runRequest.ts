/** What starts a run, and the callbacks that report its progress. */
import type { Config } from '../config/schema.js';
import type { CheckWatcher } from '../data/verify/checkSplit.js';
import type { EngineInfo } from '../engine/program.js';
import type { RunFolder } from '../run/runFolder.js';
import type { TrainingProgress } from './checkpoint.js';
import type { Experiment } from './experiment.js';
import type { FinishedRun } from './finishedRun.js';
import type { StopRequest } from './signals.js';
import type { TrainingObserver } from './trainer.js';

/** The callbacks of the training loop, and those for what comes before and after it. */
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
  /** The finished first stage, with which a new run of a second stage begins. */
  readonly firstStage?: FinishedRun | undefined;
  readonly dataRoot?: string | undefined;
  readonly stop: StopRequest;
  readonly observer: RunObserver;
}
