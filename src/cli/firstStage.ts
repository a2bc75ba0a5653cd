/** The first stage of a two-stage experiment: found among the runs, trained where it is missing, waited for where another process trains it. */
import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { configHash } from '../config/identity.js';
import { renderConfig } from '../config/render.js';
import type { StageConfig } from '../config/schema.js';
import { DivergedError, GalaError } from '../errors.js';
import { isLocked, lockFolder } from '../run/lock.js';
import { createRunFolder, openRunFolder } from '../run/runFolder.js';
import { findRunOfHash } from '../run/runOfConfig.js';
import { runTraining, type TrainingJob } from './runTraining.js';

const pollMilliseconds = 2000;

export interface FirstStageRequest extends Pick<TrainingJob, 'data' | 'quiet' | 'json'> {
  readonly config: StageConfig;
  readonly output: string;
}

/**
 * Folder of a finished run of the first stage's config below `output`. Runs are found by the hash of their config, so one first
 * stage serves every second stage that asks for it. Throws what training throws, `CommandExit` after a signal.
 */
export async function finishedFirstStage(request: FirstStageRequest): Promise<string> {
  const { config, output } = request;
  const hash = configHash(config);
  const parent = join(output, ...config.name.split('/'));
  const say = (line: string) => process.stderr.write(`First stage, ${config.name}: ${line}\n`);
  let said = false;
  for (;;) {
    const found = findRunOfHash(output, config.name, hash);
    if (found?.state === 'finished') {
      if (!request.quiet) say(`finished, ${relative(process.cwd(), found.directory)}`);
      return found.directory;
    }
    if (found?.state === 'diverged') {
      throw new DivergedError(`The first stage has diverged already: ${found.record.failure ?? 'NaN or infinity'}`, {
        where: found.directory,
        next: 'The same config would do so again: change it, such as optim.learning_rate, or delete the folder.',
      });
    }
    mkdirSync(parent, { recursive: true });
    // Of several second stages that start together one trains it; the lock of the parent folder says which.
    const lock = found?.state === 'in progress' || isLocked(parent) ? undefined : tryLock(parent);
    if (lock === undefined) {
      if (!said) say(`another process trains it; waiting for it to end (${found?.directory ?? parent}).`);
      said = true;
      await sleep(pollMilliseconds);
      continue;
    }
    try {
      await trainIt(request, findRunOfHash(output, config.name, hash)?.directory, say);
    } finally {
      lock.release();
    }
  }
}

async function trainIt(request: FirstStageRequest, directory: string | undefined, say: (line: string) => void) {
  const { config, output, data, quiet, json } = request;
  const { name, seed } = config;
  const folder = directory === undefined ? createRunFolder({ output, name, seed }) : openRunFolder(directory);
  if (!quiet) say(directory === undefined ? 'not trained yet, so it comes first.' : `going on with ${directory}`);
  const yaml = renderConfig(
    config,
    'Resolved by gala as the first stage of another config, every key written: running this file repeats the run.',
  );
  await runTraining({
    folder,
    loaded: { config, yaml, warnings: [] },
    resume: directory !== undefined,
    ...{ data, quiet, json },
    isFirstStage: true,
  });
}

/** Undefined when another process was first. */
function tryLock(folder: string): ReturnType<typeof lockFolder> | undefined {
  try {
    return lockFolder(folder);
  } catch (error) {
    if (error instanceof GalaError && isLocked(folder)) return undefined;
    throw error;
  }
}
