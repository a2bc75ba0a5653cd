/** The splits of a run as run.json has them, and whether those that were opened now are the same. */
import { DataError } from '../errors.js';
import type { NetworkRecord, RunRecord } from '../run/recordSchema.js';
import type { RunFolder } from '../run/runFolder.js';
import type { Experiment } from './experiment.js';
import type { FinishedFirstStage } from './firstStage.js';

/** What run.json says of the splits. */
export function splitRecords({ datasets }: Experiment): RunRecord['splits'] {
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

/** What run.json says of the network. */
export function networkRecord({ datasets }: Experiment): NetworkRecord {
  const { train, mean, std } = datasets;
  const { height, width, channels } = train.imageShape;
  return { image_shape: [height, width, channels], mean, std, class_names: train.classNames };
}

/**
 * Names of the splits whose images are not those of a run; the config does not tell them, a folder's content may
 * change.
 */
export function otherSplits(before: RunRecord['splits'], experiment: Experiment): string[] {
  return Object.entries(splitRecords(experiment)).flatMap(([split, now]) => {
    const then = before[split];
    return then?.fingerprint === now.fingerprint && then.index_hash === now.index_hash ? [] : [split];
  });
}

/** The error for a split of other images than the run's; `instead` is what can be done without its files. */
export function otherImages(split: string, folder: RunFolder, { datasets }: Experiment, instead: string): DataError {
  return new DataError(`The ${split} images are not those this run began with.`, {
    where: `${datasets.root}; the run's are splits.${split} in ${folder.record}`,
    next: `Give the folder of the same files with --data, or ${instead}.`,
  });
}

/** Both stages of an experiment train on the same subset; what each holds out of it is its own affair. */
export function refuseOtherStage({ trainedOn, source }: FinishedFirstStage, experiment: Experiment): void {
  const now = splitRecords(experiment).train!;
  if (trainedOn.fingerprint === now.fingerprint && trainedOn.index_hash === now.index_hash) return;
  throw new DataError('The training images are not those of the first stage.', {
    where: `${experiment.datasets.root}; those of the first stage are splits.train in the run.json of ${source.run}`,
    next: 'Give the folder of the same files with --data, or delete the run of the first stage to train it on these.',
  });
}
