/** The logits that a finished run keeps. They stay without its checkpoints, and need neither engine nor data. */
import { existsSync, readdirSync } from 'node:fs';
import { StorageError } from '../errors.js';
import { type Evaluation, readLogitsFile } from '../eval/logitsFile.js';
import { shellWord } from '../io/shellWord.js';
import { readRecord } from './record.js';
import { logitsPath, type RunFolder } from './runFolder.js';

/**
 * The stored logits of a split by the checkpoint `best` or `last` of a finished run; by default, of the checkpoint of
 * its first result. Undefined for an unfinished run, and where the stored logits are of another epoch than the results:
 * they were written before training ended, by other weights. Throws `StorageError`, `DataError`.
 */
export function storedLogits(folder: RunFolder, split: string, checkpoint?: string): Evaluation | undefined {
  const { status, results } = readRecord(folder.record);
  if (status !== 'finished') return undefined;
  const wanted = checkpoint ?? results[0]?.checkpoint;
  const result = results.find(row => row.checkpoint === wanted);
  if (result?.epoch === undefined) return undefined;
  const path = logitsPath(folder, `${split}-${result.checkpoint}`);
  if (!existsSync(path)) return undefined;
  const evaluation = readLogitsFile(path);
  return evaluation.epoch === result.epoch ? evaluation : undefined;
}

/** The test logits of which the results of a finished run are made. Throws `StorageError`, `DataError`. */
export function resultLogits(folder: RunFolder, checkpoint: string): Evaluation {
  const evaluation = storedLogits(folder, 'test', checkpoint);
  if (evaluation) return evaluation;
  throw new StorageError(`The stored test logits of checkpoint ${checkpoint} are not those of the run's results.`, {
    where: logitsPath(folder, `test-${checkpoint}`),
    next:
      `Where the checkpoint is still there, gala eval --run ${shellWord(folder.directory)} --checkpoint ` +
      `${shellWord(checkpoint)} writes them again.`,
  });
}

/** The names of the files in `logits/`, such as `test-best`. */
export function listStoredLogits({ logits }: RunFolder): string[] {
  const files = existsSync(logits) ? readdirSync(logits) : [];
  return files.flatMap(name => /^(.+)\.safetensors$/.exec(name)?.[1] ?? []).sort();
}
