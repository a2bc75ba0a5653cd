/** How many micro-batches make a training fit into a GPU's memory. */
import type { StageConfig } from '../config/schema.js';

/** Bytes on one device. */
export interface StageMemory {
  readonly state: number;
  /** Inputs of two training calls, and test images that stay. */
  readonly inputs: number;
  /** The most that a program takes for itself while it runs, and which one does. */
  readonly temporaries: number;
  readonly largest_program: string;
  readonly total: number;
  readonly limit: number;
  readonly fits: boolean;
}

/**
 * The smallest `train.accumulate` with which a training fits that does not as it is, tried by compiling; null where
 * none does. Temporaries shrink with the micro-batch, nearly in proportion, so the first number that is tried is mostly
 * the one.
 */
export async function fittingAccumulation(
  { train }: Pick<StageConfig, 'train'>,
  memory: StageMemory,
  memoryWith: (accumulate: number) => Promise<StageMemory>,
): Promise<number | null> {
  const { batch_size, accumulate } = train;
  const numbers = Array.from({ length: batch_size }, (_, i) => i + 1).filter(
    count => count > accumulate && batch_size % count === 0,
  );
  let [known, used] = [memory, accumulate];
  for (const [i, count] of numbers.entries()) {
    const expected = known.total - known.temporaries + (known.temporaries * used) / count;
    if (expected > known.limit && i < numbers.length - 1) continue;
    const tried = await memoryWith(count);
    if (tried.fits) return count;
    // Those of another program micro-batches leave as they are
    if (tried.temporaries >= known.temporaries) return null;
    [known, used] = [tried, count];
  }
  return null;
}
