/** The first stage of a two-stage experiment as commands train it: with their display, and an end by a signal. */
import type { StageConfig } from '../config/schema.js';
import { finishedFirstStage } from '../train/twoStages/firstStage.js';
import { readStartingPoint, type StartingPoint } from '../train/twoStages/startingPoint.js';
import { runTraining, type TrainingJob } from './runTraining.js';
import { waitUntil } from './waitUntil.js';

export interface FirstStageRequest extends Pick<TrainingJob, 'data' | 'quiet' | 'json'> {
  readonly config: StageConfig;
  readonly output: string;
}

/** What the second stage starts from. Throws what training throws, `CommandExit` after a signal. */
export async function trainedFirstStage({ config, output, ...flags }: FirstStageRequest): Promise<StartingPoint> {
  const say = (line: string) => process.stderr.write(`First stage, ${config.name}: ${line}\n`);
  const directory = await finishedFirstStage(config, output, {
    train: job => runTraining({ ...job, ...flags, followedBy: 'stage' }),
    waitUntil: (isFree, sentences) => waitUntil(isFree, say, sentences),
    onNote: line => {
      if (!flags.quiet) say(line);
    },
  });
  return readStartingPoint(directory, output);
}
