/**
 * Checkpoints: the whole state of a run, and the position in training as JSON metadata, in one safetensors file. A kill
 * between two writes cannot separate them.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { EngineInfo } from '../engine/program.js';
import { hasDeviceMemory } from '../engine/steps.js';
import { GalaError, StorageError, withRemedy } from '../errors.js';
import { readSafetensors, writeSafetensors } from '../io/safetensors.js';
import type { HostTensors } from '../tensor.js';

const progressSchema = z.strictObject({
  /** Epoch being trained, 1-based; epochs + 1 when training is over. */
  epoch: z.number().int().min(1),
  /** Steps done in that epoch. */
  step: z.number().int().min(0),
  /** Sum of the losses of those steps. */
  loss_sum: z.number(),
  /** Seconds of training so far, added up over resumes. */
  training_seconds: z.number().min(0),
  /** The best epoch so far and the score that selected it, a fraction: `top1` on `test`, on `val` balanced accuracy. */
  best: z.strictObject({ epoch: z.number().int(), top1: z.number() }).optional(),
});

/** The position in training. Together with the state it determines everything that follows. */
export type TrainingProgress = z.output<typeof progressSchema>;

export interface Checkpoint {
  readonly path: string;
  readonly state: HostTensors;
  readonly progress: TrainingProgress;
}

export const startOfTraining: TrainingProgress = { epoch: 1, step: 0, loss_sum: 0, training_seconds: 0 };

/**
 * Writes `<folder>/<name>.safetensors` atomically. With `keepPrevious`, the file that it replaces stays as
 * `<name>.previous.safetensors`. Throws `StorageError`.
 */
export function writeCheckpoint(
  folder: string,
  name: string,
  state: HostTensors,
  progress: TrainingProgress,
  { keepPrevious = false } = {},
): string {
  const path = checkpointPath(folder, name);
  const previous = keepPrevious ? checkpointPath(folder, `${name}.previous`) : undefined;
  writeSafetensors(path, state, { progress: JSON.stringify(progress) }, { previous });
  return path;
}

/**
 * The checkpoint `given`: `best` or `last` of the folder, or the path of a file. When left out: `best` if there is one,
 * else `last`. Throws `StorageError` when there is no such checkpoint.
 */
export function chooseCheckpoint(folder: string, given?: string): { name: string; path: string; isNamed: boolean } {
  const name = given ?? (existsSync(checkpointPath(folder, 'best')) ? 'best' : 'last');
  const isNamed = name === 'best' || name === 'last';
  const path = isNamed ? checkpointPath(folder, name) : name;
  if (existsSync(path)) return { name, path, isNamed };
  if (!isNamed) {
    throw new StorageError('There is no such checkpoint.', {
      where: path,
      next: 'Give best, last or the path of a checkpoint file.',
    });
  }
  throw new StorageError(`This run has no checkpoint ${name}.`, {
    where: path,
    next:
      'Training writes it (best only where a split chooses one: eval.select_on); `gala runs clean` removes ' +
      'those of finished runs.',
  });
}

/** Reads a checkpoint. Throws `StorageError` for a damaged file and for one that gala did not write. */
export function readCheckpoint(path: string): Checkpoint {
  const { tensors, metadata, isVerified } = readSafetensors(path);
  const parsed = progressSchema.safeParse(parseJson(metadata.progress));
  if (!parsed.success || !isVerified) {
    const lacking = parsed.success ? 'has no checksum' : 'does not say where training stood';
    throw new StorageError(`This safetensors file is no checkpoint of gala: it ${lacking}.`, {
      where: path,
      next: 'Give a file of a run’s checkpoints folder.',
    });
  }
  return { path, state: tensors, progress: parsed.data };
}

/** The checkpoint from which a run is resumed. */
export interface Resumption {
  readonly checkpoint: Checkpoint;
  /** What the user should know about the choice. */
  readonly notice?: string;
}

/**
 * The checkpoint from which a run is resumed: the later of `last` and `best`, which both hold the whole state. The
 * later one, so that `best` never belongs to an epoch that is trained again. If `last` is damaged or missing, the
 * previous `last` takes its place, with a notice. The same holds if `last` is ahead of the `loggedEpochs` in
 * metrics.jsonl and gradients.jsonl, since training again restores the lost lines; the best epoch stays that of `best`.
 * Undefined when there is no checkpoint yet. Throws `StorageError` when all checkpoints are damaged.
 */
export function readLastCheckpoint(folder: string, loggedEpochs = Number.POSITIVE_INFINITY): Resumption | undefined {
  const reasons: string[] = [];
  let damage: GalaError | undefined;
  const readWhole = (name: string): Checkpoint | undefined => {
    const path = checkpointPath(folder, name);
    if (!existsSync(path)) return undefined;
    try {
      return readCheckpoint(path);
    } catch (error) {
      if (!(error instanceof GalaError)) throw error;
      reasons.push(`${error.where}: ${error.message}`);
      damage ??= error;
      return undefined;
    }
  };
  const isLogged = ({ progress }: Checkpoint) => progress.epoch - 1 <= loggedEpochs;

  const last = readWhole('last');
  if (last && !isLogged(last))
    reasons.push(
      `${last.path} was written after epoch ${last.progress.epoch - 1}, but the logs end with epoch ${loggedEpochs}.`,
    );
  const previous = last && isLogged(last) ? undefined : readWhole('last.previous');
  const best = readWhole('best');
  const latestFirst = [last, previous, best]
    .filter(checkpoint => checkpoint !== undefined)
    .sort(({ progress: a }, { progress: b }) => b.epoch - a.epoch || b.step - a.step);
  const chosen = latestFirst.find(isLogged) ?? latestFirst[0];
  if (chosen) {
    if (!isLogged(chosen)) reasons.push('The epochs between stay missing there; the training does not need them.');
    if (reasons.length > 0) reasons.push(`Going on from ${chosen.path}.`);
    return withBestOf(best, chosen, reasons);
  }
  if (damage)
    throw withRemedy(damage, 'No older checkpoint is whole either; without one, start a new run without --resume.');
  return undefined;
}

/** The best epoch of the resumed run is the one in the file `best`: only its weights can still be evaluated. */
function withBestOf(best: Checkpoint | undefined, chosen: Checkpoint, reasons: readonly string[]): Resumption {
  const held = best?.progress.best;
  const known = chosen.progress.best;
  const isSame = held === undefined || (held.epoch === known?.epoch && held.top1 === known.top1);
  const checkpoint = isSame ? chosen : { ...chosen, progress: { ...chosen.progress, best: held } };
  const notes = isSame ? reasons : [...reasons, `The best epoch so far is ${held.epoch}, that of ${best!.path}.`];
  return notes.length === 0 ? { checkpoint } : { checkpoint, notice: notes.join(' ') };
}

/** On a GPU, an epoch of a small network takes as long as writing it safely to disk: so much training may be lost. */
const gpuMilliseconds = 10_000;

/**
 * Decides after which epochs (from 1) `last` is written; call the function once after each epoch. A number: every
 * `setting`-th epoch. `auto`: every epoch on a CPU; on a GPU, each that ends 10 s or more after the previous write or
 * the start. The setting does not change the numbers: a killed run trains the lost epochs again.
 */
export function checkpointClock(
  setting: number | 'auto',
  info: Pick<EngineInfo, 'engine' | 'device'>,
  now = () => performance.now(),
): (epoch: number) => boolean {
  if (setting !== 'auto') return epoch => epoch % setting === 0;
  if (!hasDeviceMemory(info)) return () => true;
  let last = now();
  return () => {
    if (now() - last < gpuMilliseconds) return false;
    last = now();
    return true;
  };
}

export function checkpointPath(folder: string, name: string): string {
  return join(folder, `${name}.safetensors`);
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
