/** The splits and the network in run.json, and whether the splits of an experiment are still those of its run. */
import { resolve } from 'node:path';
import { bundledFashionMnistLt } from '../data/fashionMnist.js';
import { DataError } from '../errors.js';
import type { NetworkRecord, RunRecord } from '../run/recordSchema.js';
import type { RunFolder } from '../run/runFolder.js';
import type { Experiment } from './experiment.js';
import type { FinishedRun } from './finishedRun.js';

/** The splits of an experiment for run.json. */
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

/** The network of an experiment for run.json, except its weights. */
export function networkRecord({ datasets }: Experiment): NetworkRecord {
  const { train, mean, std } = datasets;
  const { height, width, channels } = train.imageShape;
  return { image_shape: [height, width, channels], mean, std, class_names: train.classNames };
}

/** The folder of the images, absolute; undefined for the set in the package, which moves with the installation. */
export function ownDataRoot({ datasets: { root } }: Experiment): string | undefined {
  return root === bundledFashionMnistLt() ? undefined : resolve(root);
}

/** Names of the splits whose images differ from those of the run: the files of a folder may change. */
export function otherSplits(before: RunRecord['splits'], experiment: Experiment): string[] {
  return Object.entries(splitRecords(experiment)).flatMap(([split, now]) => {
    const then = before[split];
    return then?.fingerprint === now.fingerprint && then.index_hash === now.index_hash ? [] : [split];
  });
}

/** The error for a split with other images than in the run; `instead` is a remedy without the files of the run. */
export function otherImages(split: string, folder: RunFolder, { datasets }: Experiment, instead: string): DataError {
  return new DataError(`The ${split} images are not those this run began with.`, {
    where: `${datasets.root}; the run's are splits.${split} in ${folder.record}`,
    next: `Give the folder of the same files with --data, or ${instead}.`,
  });
}

/** Throws `DataError` when the two stages train on different images; they may hold out different ones. */
export function refuseOtherStage({ trainedOn, source }: FinishedRun, experiment: Experiment): void {
  const now = splitRecords(experiment).train!;
  if (trainedOn.fingerprint === now.fingerprint && trainedOn.index_hash === now.index_hash) return;
  throw new DataError('The training images are not those of the first stage.', {
    where: `${experiment.datasets.root}; those of the first stage are splits.train in the run.json of ${source.run}`,
    next: 'Give the folder of the same files with --data, or delete the run of the first stage to train it on these.',
  });
}
