/** What a run is asked for, and who hears how it goes. */
import type { Config } from '../config/schema.js';
import type { CheckWatcher } from '../data/verify/checkSplit.js';
import type { EngineInfo } from '../engine/program.js';
import type { RunFolder } from '../run/runFolder.js';
import type { TrainingProgress } from './checkpoint.js';
import type { Experiment } from './experiment.js';
import type { StopRequest } from './signals.js';
import type { TrainingObserver } from './trainer.js';
import type { StartingPoint } from './twoStages/startingPoint.js';

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
