/** One training run as commands start it: lock, display, signals. */
import { existsSync } from 'node:fs';
import type { LoadedConfig } from '../config/load.js';
import type { ResultRow } from '../eval/resultRow.js';
import { shellWord } from '../io/shellWord.js';
import { type HeldRun, leaveRunFolder } from '../run/runFolder.js';
import type { StartingPoint } from '../train/twoStages/startingPoint.js';
import { CommandExit } from './exit.js';

export interface TrainingJob {
  /** Given free when training ends. */
  readonly held: HeldRun;
  readonly loaded: Pick<LoadedConfig, 'config' | 'yaml' | 'warnings'>;
  readonly resume: boolean;
  readonly data?: string | undefined;
  readonly quiet?: boolean | undefined;
  readonly json?: boolean | undefined;
  /** What a new run of a second stage starts from. */
  readonly start?: StartingPoint | undefined;
  /** What the same command goes on to: the second stage, or a run of its own. After a signal it does not. */
  readonly followedBy?: 'stage' | 'run';
  /** Called once the run has its record, from which other processes can tell what is trained here. */
  readonly onBegun?: (() => void) | undefined;
}

/**
 * Trains to the end and returns the result rows. Throws `CommandExit` after a signal, with everything saved; one that
 * comes during the last evaluation leaves a finished run, and ends a command that something follows in.
 */
export async function runTraining(job: TrainingJob): Promise<ResultRow[]> {
  const { held, loaded, resume, data, quiet, json, start, followedBy } = job;
  const { folder } = held;
  // The engine and TF.js take half a second to load: only now that everything cheap has been checked.
  const { executeRun } = await import('../train/run.js');
  const { listenForStop, mayRepeat, signalExitCode } = await import('../train/signals.js');
  const { createTrainDisplay } = await import('./display/trainDisplay.js');
  const { startWatchdog } = await import('../run/watchdog.js');
  const watchdog = startWatchdog();
  const display = createTrainDisplay({ quiet, json, folder: folder.directory });
  const stop = listenForStop(signal =>
    display.onNotice(
      `${signal}: finishing the step and saving${mayRepeat(signal) ? '' : '; once more to stop at once'}.`,
    ),
  );
  try {
    for (const warning of loaded.warnings) display.onNotice(`Warning: ${warning}`);
    const { config, yaml } = loaded;
    const onStart: typeof display.onStart = begun => {
      job.onBegun?.();
      display.onStart(begun);
    };
    const observer = { ...display, onStart };
    const rows = await executeRun({ config, yaml, folder, resume, start, dataRoot: data, stop, observer });
    if (rows && !(followedBy && stop.signal)) return rows;
    display.onNotice(describeStop(job, rows !== undefined));
    throw new CommandExit(signalExitCode(stop.signal!));
  } finally {
    watchdog.stop();
    display.stop();
    stop.dispose();
    leaveRunFolder(held);
  }
}

function describeStop({ held: { folder }, followedBy }: TrainingJob, isFinished: boolean): string {
  const again = followedBy === 'stage' ? 'the same command' : `gala train --resume ${shellWord(folder.directory)}`;
  if (!existsSync(folder.record)) return 'Stopped before the first step. Which images were checked is remembered.';
  if (!isFinished) return `Stopped and saved. Go on with: ${again}`;
  if (followedBy === 'run') return `This run is finished: ${folder.directory}. The next one is not begun.`;
  return `The first stage is finished, the second not begun. Go on with: ${again}`;
}
