/** Worker thread of `verifyImages`: decodes a range of files and writes a verdict for each into shared memory. */
import { workerData } from 'node:worker_threads';
import type { FileTable } from '../files/imageFiles.js';
import { filePath } from '../files/imageFiles.js';
import { answerJobs } from '../workerPool.js';
import { stampOf } from './fileStamp.js';
import type { Inspection } from './inspectImage.js';
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
  /** `[N, 2]`. */
  readonly digests: Int32Array;
  /** `[1]` */
  readonly reused: Int32Array;
}

/** Loaded for the first image that must be decoded: if all are remembered, loading would be most of the time. */
let loaded: Promise<(path: string) => Promise<Inspection>> | undefined;

async function loadInspector() {
  return (await import('./inspectImage.js')).inspectImage;
}

const { table, verdicts, stamps, digests, reused } = workerData as VerifyMemory;

answerJobs(async ({ first, end }: VerifyJob) => {
  for (let i = first; i < end; i++) {
    if (verdicts[i] === codeOf('missing')) continue;
    const path = filePath(table, i);
    const stamp = stampOf(path);
    const known = stamps.subarray(3 * i, 3 * i + 3);
    if (stamp?.every((value, k) => value === known[k]) && verdicts[i] !== codeOf('unchecked')) {
      Atomics.add(reused, 0, 1);
      continue;
    }
    loaded ??= loadInspector();
    const { verdict, digest = [0, 0] } = await (await loaded)(path);
    digests.set(digest, 2 * i);
    if (stamp) stamps.set(stamp, 3 * i);
    verdicts[i] = codeOf(verdict);
  }
});
