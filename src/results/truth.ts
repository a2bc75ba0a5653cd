/** The labels and the training subset of a record, read from the data where they are. */
import { openDatasets } from '../data/index.js';
import type { Truth } from './check.js';
import { configOf, type ResultRecord } from './record.js';

/**
 * What the data say, or undefined where nobody named their folder (`--data`, GALA_DATA; the bundled set needs none). Throws
 * `DataError` when a folder was named and the files are not in it.
 */
export async function readTruth(record: ResultRecord, dataRoot: string | undefined): Promise<Truth | undefined> {
  const { data, eval: evaluation } = configOf(record);
  if (data.dataset !== 'fashion_mnist_lt' && dataRoot === undefined && !process.env.GALA_DATA) return undefined;
  const heldOutFraction = evaluation.select_on === 'val' ? evaluation.val_fraction : undefined;
  const { test, subsetHash, counts } = await openDatasets(data, { dataRoot, heldOutFraction });
  return {
    labels: Int32Array.from({ length: test.length }, (_, i) => test.label(i)),
    indexHash: subsetHash,
    classCounts: counts,
  };
}
