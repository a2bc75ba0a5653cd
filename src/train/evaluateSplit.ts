/** The evaluation of a split by a compiled network. */
import type { Dataset } from '../data/dataset.js';
import type { Executable } from '../engine/program.js';
import { type StagedSplits, splitLogits } from '../eval/evaluate.js';
import { defaultGroups, type GroupBounds } from '../eval/groups.js';
import type { Evaluation, EvaluationSource } from '../eval/logitsFile.js';
import { dataWorkers } from './calls.js';
import type { Experiment } from './experiment.js';

/** Where the evaluated weights come from. */
export type LogitsSource = Pick<EvaluationSource, 'checkpoint' | 'epoch' | 'selected_on'>;

/** Logits of one split with their origin; see `splitOutputs` for `staged`. */
export async function evaluateSplit(
  experiment: Experiment,
  executable: Executable,
  split: string,
  dataset: Dataset,
  source: LogitsSource,
  staged?: StagedSplits,
): Promise<Evaluation> {
  const { config, datasets, evaluationBatch } = experiment;
  const workers = dataWorkers(config.data.workers, executable.info);
  return {
    ...(await splitLogits(executable, dataset, evaluationBatch, workers, staged)),
    classCounts: datasets.counts,
    classNames: dataset.classNames,
    ...(areDefaultGroups(config.eval.groups) ? {} : { groups: config.eval.groups }),
    run: config.name,
    split,
    precision: executable.info.precision,
    ...source,
  };
}

function areDefaultGroups({ many, few }: GroupBounds): boolean {
  return many === defaultGroups.many && few === defaultGroups.few;
}
