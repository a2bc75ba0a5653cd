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
 * A reader of the facts to compare a record with; undefined without a data folder (`--data`, GALA_DATA), which only the
 * bundled dataset does not need. A record has only the base names of its lists of images; the config `row` of its row
 * has their paths. Without `row`, a record whose lists are not found has no truth. Reading takes a second and the rows
 * of a table share a few subsets, so each subset is read once. Throws `DataError` where the folder lacks the files.
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

/** The section `data` of a record, with the paths of the row's config in place of equal base names. */
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
