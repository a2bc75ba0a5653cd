/** Decoding every image of a split, on all cores, less what is remembered from an earlier time. */
import type { StorageError } from '../../errors.js';
import { usableCores } from '../../machine/cpu.js';
import { sharedInt32 } from '../dataset.js';
import type { ImageFiles } from '../files/imageFiles.js';
import { requireSharp } from '../images/sharp.js';
import { openWorkerPool } from '../workerPool.js';
import { codeOf } from './verdict.js';
import { recallVerified, rememberVerified } from './verifiedFiles.js';
import type { VerifyJob, VerifyMemory } from './verifyWorker.js';

export interface VerifyOptions {
  /** Indices of files that are known not to be there. */
  readonly missing: Int32Array;
  readonly workers?: number;
  /** Files between two answers of a worker. */
  readonly filesPerJob?: number;
  readonly environment?: NodeJS.ProcessEnv;
  readonly onProgress?: (checked: number) => void;
  /** Asked between images; when it says true, the work ends early and what was found is remembered. */
  readonly stopped?: () => boolean;
}

export interface VerifiedImages {
  /** `[N]` codes of `verdict.ts`; 0 where it was stopped before. */
  readonly verdicts: Uint8Array;
  /** `[N, 2]` 64 bits of a hash of the bytes of each file; zeros where they were not read. */
  readonly digests: Int32Array;
  /** Images that were not decoded again. */
  readonly reused: number;
  readonly finished: boolean;
  /** Why what was found is not remembered for the next time. */
  readonly note?: string;
}

const secondsBetweenWrites = 30;

/**
 * Rejects with `DataError` when a worker dies. A memory that cannot be written costs time, not the result: that is a
 * note.
 */
export async function verifyImages(files: ImageFiles, options: VerifyOptions): Promise<VerifiedImages> {
  const { missing, environment, onProgress, stopped = () => false, filesPerJob = 32 } = options;
  const { verdicts, stamps, digests } = recallVerified(files, environment);
  const [unchecked, isMissing, wasUnreadable] = [codeOf('unchecked'), codeOf('missing'), codeOf('unreadable')];
  verdicts.forEach((code, i) => {
    // Permissions and disks are mended without a change of the file's size or time.
    if (code === isMissing || code === wasUnreadable) verdicts[i] = unchecked;
  });
  for (const i of missing) {
    verdicts[i] = isMissing;
    digests.fill(0, 2 * i, 2 * i + 2);
  }
  if (verdicts.includes(unchecked)) requireSharp();
  const reused = sharedInt32(1);
  const workers = options.workers ?? usableCores();
  const memory: VerifyMemory = { table: files.table, verdicts, stamps, digests, reused };
  const workerFile = new URL('./verifyWorker.js', import.meta.url);
  const pool = openWorkerPool<VerifyJob>(workerFile, workers, memory, { work: 'checking' });
  let [next, checked, written] = [0, 0, performance.now()];
  let note: string | undefined;
  const remember = () => {
    try {
      rememberVerified(files, memory, environment);
      note = undefined;
    } catch (error) {
      const { where } = error as StorageError;
      note =
        'What was found could not be remembered: ' +
        `${(error as Error).message}${where === undefined ? '' : ` (${where})`}`;
    }
  };
  const work = async () => {
    while (next < files.length && !stopped()) {
      const first = next;
      next = Math.min(files.length, first + filesPerJob);
      const end = next;
      await pool.run({ first, end });
      checked += end - first;
      onProgress?.(checked);
      if (performance.now() - written > 1000 * secondsBetweenWrites) {
        written = performance.now();
        remember();
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: workers }, work));
  } finally {
    await pool.close();
  }
  remember();
  return {
    verdicts,
    digests,
    reused: reused[0]!,
    finished: checked === files.length,
    ...(note !== undefined && { note }),
  };
}
