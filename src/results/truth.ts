/** The labels and the training subset of a record, read from the data where they are. */
import { configOf } from '../config/identity.js';
import type { Config } from '../config/schema.js';
import { type OpenOptions, openDatasets } from '../data/index.js';
import type { Truth } from './check.js';
import type { ResultRecord } from './record.js';

/**
 * Reads what the data say about a record, or undefined where nobody named their folder (`--data`, GALA_DATA; the bundled set
 * needs none). A set takes a second to read and the rows of a table share a few subsets, so each is read once. Throws
 * `DataError` when a folder was named and the files are not in it.
 */
export function truthReader(dataRoot?: string): (record: ResultRecord) => Promise<Truth | undefined> {
  const known = new Map<string, Promise<Truth>>();
  return async record => {
    const { data, eval: evaluation } = configOf(record);
    if (data.dataset !== 'fashion_mnist_lt' && dataRoot === undefined && !process.env.GALA_DATA) return undefined;
    const heldOutFraction = evaluation.select_on === 'val' ? evaluation.val_fraction : undefined;
    const key = JSON.stringify([data.dataset, data.imbalance_factor, data.subset_seed, heldOutFraction]);
    const truth = known.get(key) ?? read(data, { dataRoot, heldOutFraction });
    known.set(key, truth);
    return truth;
  };
}

async function read(data: Config['data'], options: OpenOptions): Promise<Truth> {
  const { test, trainFull, subsetHash, counts } = await openDatasets(data, options);
  return {
    labels: Int32Array.from({ length: test.length }, (_, i) => test.label(i)),
    trainFingerprint: trainFull.fingerprint,
    testFingerprint: test.fingerprint,
    indexHash: subsetHash,
    classCounts: counts,
  };
}
