/**
 * Features of a frozen backbone, computed once. If no augmentation, mixup or batch statistic changes them, an epoch of
 * the classifier needs neither images nor convolutions.
 */
import type { Dataset } from '../data/dataset.js';
import { featureDataset, sharedFeatures } from '../data/features.js';
import type { Executable } from '../engine/program.js';
import { splitOutputs } from '../eval/evaluate.js';
import { dataWorkers } from './calls.js';
import type { Experiment } from './experiment.js';

/**
 * The experiment with features instead of images, computed by an executable of `programsOnFeatures`. It is trained and
 * evaluated like any other. Takes 4 · featureSize bytes per image.
 */
export async function withFixedFeatures(experiment: Experiment, executable: Executable): Promise<Experiment> {
  const { datasets, featureSize, evaluationBatch, config } = experiment;
  const featuresOf = async (dataset: Dataset) => {
    const features = sharedFeatures(dataset.length, featureSize);
    await splitOutputs(
      executable,
      { program: 'features', output: 'features' },
      dataset,
      features,
      evaluationBatch,
      dataWorkers(config.data.workers, executable.info),
    );
    return featureDataset(dataset, features);
  };
  const train = await featuresOf(datasets.train);
  const val = datasets.val && (await featuresOf(datasets.val));
  return { ...experiment, datasets: { ...datasets, train, val, test: await featuresOf(datasets.test) } };
}
