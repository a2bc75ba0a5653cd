/**
 * Checkpoints: the whole state of a run in one safetensors file, with the position in training as JSON in its metadata.
 * One file, so that a kill between two writes cannot part the two.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
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
  /** Best evaluated epoch so far on the selecting split, its plain top-1 as a fraction. */
  best: z.strictObject({ epoch: z.number().int(), top1: z.number() }).optional(),
});

/** Where a run stands; with the state it determines everything that follows. */
export type TrainingProgress = z.output<typeof progressSchema>;

export interface Checkpoint {
  readonly path: string;
  readonly state: HostTensors;
  readonly progress: TrainingProgress;
}

export const startOfTraining: TrainingProgress = { epoch: 1, step: 0, loss_sum: 0, training_seconds: 0 };

/**
 * Writes `<folder>/<name>.safetensors` atomically; the file that was there before stays as
 * `<name>.previous.safetensors` when `keepPrevious` is set. Throws `StorageError`.
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
 * The checkpoint file that is meant: `best` or `last` of a folder, or a path; when nothing is given, `best` where there
 * is one, else `last`. Throws `StorageError` where the folder has none of the name.
 */
export function chooseCheckpoint(folder: string, given?: string): { name: string; path: string; isNamed: boolean } {
  const name = given ?? (existsSync(checkpointPath(folder, 'best')) ? 'best' : 'last');
  const isNamed = name === 'best' || name === 'last';
  const path = isNamed ? checkpointPath(folder, name) : name;
  if (!isNamed || existsSync(path)) return { name, path, isNamed };
  throw new StorageError(`This run has no checkpoint ${name}.`, {
    where: path,
    next:
      'Training writes it (best only where a split chooses one: eval.select_on); `gala runs clean` removes ' +
      'those of finished runs.',
  });
}

/** Reads a checkpoint. Throws `StorageError` when it is damaged or not one of gala's. */
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

/** Where a resumed run goes on. */
export interface Resumption {
  readonly checkpoint: Checkpoint;
  /** What the user must know of the choice. */
  readonly notice?: string;
}

/**
 * The checkpoint to go on from: the later of `last` and `best`, each the whole state of its run, so that `best` is
 * never of epochs that are trained again. A damaged or missing `last` gives way to the one before it, with a notice
 * that says so. One that is ahead of the `loggedEpochs` in metrics.jsonl and gradients.jsonl gives way too where that
 * brings their lost lines back; the best epoch is then still that of `best`. Undefined when there is none yet. Throws
 * `StorageError` when all there are are damaged.
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

/**
 * A best epoch without its weights cannot be reported: what `best` holds is the best so far, also for an older
 * checkpoint.
 */
function withBestOf(best: Checkpoint | undefined, chosen: Checkpoint, reasons: readonly string[]): Resumption {
  const held = best?.progress.best;
  const known = chosen.progress.best;
  const isSame = held === undefined || (held.epoch === known?.epoch && held.top1 === known.top1);
  const checkpoint = isSame ? chosen : { ...chosen, progress: { ...chosen.progress, best: held } };
  const notes = isSame ? reasons : [...reasons, `The best epoch so far is ${held.epoch}, that of ${best!.path}.`];
  return notes.length === 0 ? { checkpoint } : { checkpoint, notice: notes.join(' ') };
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
