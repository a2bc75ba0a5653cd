/** Training as commands start it: with a display, an end by a signal, and the folder left free. */
import { existsSync } from 'node:fs';
import type { LoadedConfig } from '../config/load.js';
import type { Config } from '../config/schema.js';
import type { ResultRow } from '../eval/resultRow.js';
import { shellWord } from '../io/shellWord.js';
import { type HeldRun, leaveRunFolder } from '../run/runFolder.js';
import type { FinishedRun } from '../train/finishedRun.js';
import { CommandExit } from './failure.js';

export interface TrainingJob {
  /** Released when training ends. */
  readonly held: HeldRun;
  readonly loaded: Pick<LoadedConfig, 'config' | 'yaml' | 'warnings'>;
  readonly resume: boolean;
  readonly data?: string | undefined;
  readonly quiet?: boolean | undefined;
  readonly json?: boolean | undefined;
  /** The finished first stage, with which a new run of a second stage begins. */
  readonly firstStage?: FinishedRun | undefined;
  /** What the same command trains next: the second stage, or another run. A signal ends the command before it. */
  readonly followedBy?: 'stage' | 'run';
  /** Called once the run has its record, which shows other processes what is trained here. */
  readonly onBegun?: (() => void) | undefined;
}

/**
 * Trains to the end and returns the result rows. Throws `CommandExit` after a signal, with everything saved. A signal
 * during the last evaluation leaves a finished run: then only a job with `followedBy` throws.
 */
export async function runTraining(job: TrainingJob): Promise<ResultRow[]> {
  const { held, loaded, resume, data, quiet, json, firstStage, followedBy } = job;
  const { folder } = held;
  // The engine and TF.js take half a second to load, so everything cheap is checked before.
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
    const rows = await executeRun({ config, yaml, folder, resume, firstStage, dataRoot: data, stop, observer });
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

/** The finished first stage of a config, if it has one; trains it if it is missing. Throws as training. */
export async function trainedFirstStage(
  config: Config,
  output: string,
  flags: Pick<TrainingJob, 'data' | 'quiet' | 'json'>,
): Promise<FinishedRun | undefined> {
  if (config.stages === undefined) return undefined; // before the slow imports
  const { finishedFirstStage } = await import('../train/firstStage.js');
  const { waitUntil } = await import('./waitUntil.js');
  const say = (line: string) => process.stderr.write(`${line}\n`);
  return finishedFirstStage(config, output, flags.data, {
    train: job => runTraining({ ...job, ...flags, followedBy: 'stage' }),
    waitUntil: (isFree, sentences) => waitUntil(isFree, say, sentences),
    onNote: line => {
      if (!flags.quiet) say(line);
    },
  });
}

function describeStop({ held: { folder }, followedBy }: TrainingJob, isFinished: boolean): string {
  const again = followedBy === 'stage' ? 'the same command' : `gala train --resume ${shellWord(folder.directory)}`;
  if (!existsSync(folder.record)) return 'Stopped before the first step. Which images were checked is remembered.';
  if (!isFinished) return `Stopped and saved. Go on with: ${again}`;
  if (followedBy === 'run') return `This run is finished: ${folder.directory}. The next one is not begun.`;
  return `The first stage is finished, the second not begun. Go on with: ${again}`;
}
