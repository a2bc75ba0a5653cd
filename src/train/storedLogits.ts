/** The logits that a finished run keeps: they outlive its checkpoints, and need neither engine nor data. */
import { existsSync, readdirSync } from 'node:fs';
import { type Evaluation, readLogitsFile } from '../eval/logitsFile.js';
import { readRecord } from '../run/record.js';
import { logitsPath, type RunFolder } from '../run/runFolder.js';

/**
 * Stored logits of a split by `best` or `last` of a finished run; when no checkpoint is named, by the one its results begin with:
 * `best` where a split chose one. Undefined for an unfinished run, and where there are none of the epoch that the results are of:
 * those of an earlier time, when training still went on, are of other weights. Throws `StorageError`, `DataError`.
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

/** What `logits/` holds, such as `test-best`. */
export function listStoredLogits({ logits }: RunFolder): string[] {
  const files = existsSync(logits) ? readdirSync(logits) : [];
  return files.flatMap(name => /^(.+)\.safetensors$/.exec(name)?.[1] ?? []).sort();
}
