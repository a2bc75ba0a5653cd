/** Worker thread of `verifyImages`: decodes a range of files and writes a verdict for each into shared memory. */
import { workerData } from 'node:worker_threads';
import { answerJobs } from '../answerJobs.js';
import type { FileTable } from '../imageFiles.js';
import { filePath } from '../imageFiles.js';
import { inspectImage, stampOf } from './inspectImage.js';
import { codeOf } from './verdict.js';

/** Files `first` … `end` − 1. */
export interface VerifyJob {
  readonly first: number;
  readonly end: number;
}

/** A file whose stamp is the one beside a verdict keeps that verdict; `reused` counts those. All arrays are shared. */
export interface VerifyMemory {
  readonly table: FileTable;
  /** `[N]` codes. */
  readonly verdicts: Uint8Array;
  /** `[N, 3]`. */
  readonly stamps: Int32Array;
  /** `[1]` */
  readonly reused: Int32Array;
}

const { table, verdicts, stamps, reused } = workerData as VerifyMemory;

answerJobs(async ({ first, end }: VerifyJob) => {
  for (let i = first; i < end; i++) {
    if (verdicts[i] === codeOf('missing')) continue;
    const path = filePath(table, i);
    const stamp = await stampOf(path);
    const known = stamps.subarray(3 * i, 3 * i + 3);
    if (stamp?.every((value, k) => value === known[k]) && verdicts[i] !== codeOf('unchecked')) {
      Atomics.add(reused, 0, 1);
      continue;
    }
    const { verdict } = await inspectImage(path);
    if (stamp) stamps.set(stamp, 3 * i);
    verdicts[i] = codeOf(verdict);
  }
});
