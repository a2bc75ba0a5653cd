/** The parts of the training images that a config keeps as `val` and `test` (`data.split`). */

import type { ImageList } from './files/imageList.js';
import { type SplitShares, splitList } from './files/splitList.js';
import type { DataConfig } from './schema.js';
import type { ImageSplit } from './sets/definition.js';

export interface ReadList {
  readonly list: ImageList;
  /** The list that was read, or its folder. */
  readonly source: string;
}

export type Lists = { readonly [split in ImageSplit]?: ReadList };

type SplitKeys = Pick<DataConfig, 'split'> & Partial<Pick<DataConfig, 'subset_seed'>>;

/** The shares of a config; undefined where the training images stay together. */
export function sharesOf({ split }: SplitKeys): SplitShares | undefined {
  const { val = 0, test = 0 } = split ?? {};
  return val === 0 && test === 0 ? undefined : { val, test };
}

/**
 * `train` divided by `shares`, with a note; the part `val` stays out of `train`, and is given where `wantsVal`. Throws
 * `DataError`.
 */
export function dividedTraining(
  { subset_seed = 0 }: SplitKeys,
  { list, source }: ReadList,
  shares: SplitShares,
  { wantsVal, notes }: { wantsVal: boolean; notes: string[] },
): Lists {
  const { train, val, test } = splitList(list, shares, subset_seed, source);
  const parts = [[train, 'training'] as const, [val, 'validation'] as const, [test, 'test'] as const];
  const counted = parts.flatMap(([part, name]) => (part === undefined ? [] : `${part.labels.length} ${name}`));
  notes.push(`${source} is divided by class, with data.subset_seed ${subset_seed}: ${counted.join(', ')} images.`);
  const read = (part: ImageList) => ({ list: part, source });
  return {
    train: read(train),
    ...(val && wantsVal && { val: read(val) }),
    ...(test && { test: read(test) }),
  };
}
