/** The labels and the training subset of a record, read from the data where they are. */
import { basename } from 'node:path';
import { configOf } from '../config/identity.js';
import type { Config } from '../config/schema.js';
import { listKeys } from '../config/withoutFolders.js';
import { type OpenOptions, openDatasets } from '../data/index.js';
import { bundledSet } from '../data/sets/index.js';
import { DataError } from '../errors.js';
import type { Truth } from './check.js';
import type { ResultRecord } from './record.js';

/**
 * Reads what the data say about a record, or undefined where nobody named their folder (`--data`, GALA_DATA; the
 * bundled set needs none). A record has only the base names of lists of images; where they lie the config of its row,
 * `row`, says, and without one a list that is not found leaves the record without truth. A set takes a second to read
 * and the rows of a table share a few subsets, so each is read once. Throws `DataError` when a folder was named and the
 * files are not in it.
 */
export function truthReader(dataRoot?: string): (record: ResultRecord, row?: Config) => Promise<Truth | undefined> {
  const known = new Map<string, Promise<Truth>>();
  return async (record, row) => {
    const { data: recorded, eval: evaluation } = configOf(record);
    const data = withListsOf(row, recorded);
    if (!bundledSet(data.dataset) && dataRoot === undefined && !process.env.GALA_DATA) return undefined;
    const heldOutFraction = evaluation.select_on === 'val' ? evaluation.val_fraction : undefined;
    const lists = listKeys.map(list => data[list]);
    const key = JSON.stringify([data.dataset, data.imbalance_factor, data.subset_seed, heldOutFraction, lists]);
    const truth = known.get(key) ?? read(data, { dataRoot, heldOutFraction });
    known.set(key, truth);
    if (row || lists.every(list => list === undefined)) return truth;
    return truth.catch(error => {
      if (error instanceof DataError) return undefined;
      throw error;
    });
  };
}

/** `data` of a record with the paths that the config of its row has for lists of the same base names. */
function withListsOf(row: Config | undefined, data: Config['data']): Config['data'] {
  const located = { ...data };
  for (const key of listKeys) {
    const [path, name] = [row?.data[key], data[key]];
    if (path !== undefined && name !== undefined && basename(path) === basename(name)) located[key] = path;
  }
  return located;
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
