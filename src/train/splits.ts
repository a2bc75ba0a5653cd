/** The splits of a run as run.json has them, and whether those that were opened now are the same. */
import { DataError } from '../errors.js';
import { readRecord, type SplitRecord } from '../run/record.js';
import type { RunFolder } from '../run/runFolder.js';
import type { Experiment } from './experiment.js';
import type { StartingPoint } from './startingPoint.js';

/** What run.json says of the splits. */
export function splitRecords({ datasets }: Experiment): Record<string, SplitRecord> {
  const { train, val, test, trainFull, counts, subsetHash, heldOutHash } = datasets;
  const class_counts = Array.from(counts);
  return {
    train: {
      images: train.length,
      fingerprint: trainFull.fingerprint,
      index_hash: subsetHash,
      class_counts,
      ...(train.stored && { images_from: train.stored.form }),
    },
    ...(val && {
      val:
        heldOutHash === undefined
          ? { images: val.length, fingerprint: val.fingerprint }
          : { images: val.length, fingerprint: trainFull.fingerprint, index_hash: heldOutHash },
    }),
    test: {
      images: test.length,
      fingerprint: test.fingerprint,
      ...(test.stored && { images_from: test.stored.form }),
    },
  };
}

/**
 * A run goes on with the images it began with, and is evaluated on images that it knows; the config does not tell them, a folder's
 * content may change. Throws `DataError` for a split that is another; `next` is what can be done without these files.
 */
export function refuseOtherData(
  folder: RunFolder,
  experiment: Experiment,
  next: string,
  isWanted: (split: string) => boolean = () => true,
): void {
  const before = readRecord(folder.record).splits;
  for (const [split, now] of Object.entries(splitRecords(experiment))) {
    if (!isWanted(split)) continue;
    const then = before[split];
    if (then?.fingerprint === now.fingerprint && then.index_hash === now.index_hash) continue;
    throw new DataError(`The ${split} images are not those this run began with.`, {
      where: `${experiment.datasets.root}; the run's are splits.${split} in ${folder.record}`,
      next: `Give the folder of the same files with --data, or ${next}.`,
    });
  }
}

/** Both stages of an experiment train on the same subset; what each holds out of it is its own affair. */
export function refuseOtherStage({ trainedOn, source }: StartingPoint, experiment: Experiment): void {
  const now = splitRecords(experiment).train!;
  if (trainedOn.fingerprint === now.fingerprint && trainedOn.index_hash === now.index_hash) return;
  throw new DataError('The training images are not those of the first stage.', {
    where: `${experiment.datasets.root}; those of the first stage are splits.train in the run.json of ${source.run}`,
    next: 'Give the folder of the same files with --data, or delete the run of the first stage to train it on these.',
  });
}
