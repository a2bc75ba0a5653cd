/** A record for tests, and the end of a run. */
import { configSchema } from '../../src/config/schema.js';
import { type Evaluation, writeLogitsFile } from '../../src/eval/logitsFile.js';
import { summarizeCheckpoints } from '../../src/eval/summary.js';
import { readMetrics } from '../../src/run/metricsLog.js';
import { type NewRecord, type RecordChange, readRecord, updateRecord } from '../../src/run/record.js';
import { logitsPath, type RunFolder } from '../../src/run/runFolder.js';
import { runScores } from '../../src/run/storedScores.js';

export function exampleRecord(name: string): NewRecord {
  const { stages: _, ...config } = configSchema.parse({
    name,
    seed: 3,
    data: { dataset: 'cifar100', imbalance_factor: 100, subset_seed: 5 },
    model: { backbone: 'resnet32' },
    loss: { name: 'gala' },
    optim: { learning_rate: 0.1, warmup_learning_rate: 0.05 },
    train: { epochs: 200 },
  });
  return {
    config: { ...config, name },
    splits: {
      train: { images: 10847, fingerprint: 'ab', index_hash: 'cd', class_counts: [500, 5] },
      test: { images: 10000, fingerprint: 'ef' },
    },
    engine: { engine: 'tensorflow', version: '2.21.0', precision: 'fp32', threads: 2, device: 'cpu' },
  };
}

/** Ends a run as training does: logits of each checkpoint, and results made of them. */
export function finishRun(
  folder: RunFolder,
  evaluations: readonly Evaluation[],
  change: Pick<RecordChange, 'epoch' | 'training_seconds'>,
): void {
  for (const evaluation of evaluations)
    writeLogitsFile(logitsPath(folder, `${evaluation.split}-${evaluation.checkpoint}`), evaluation);
  const { config } = readRecord(folder.record);
  const checkpoints = summarizeCheckpoints(evaluations, config.eval.tau);
  const scores = runScores(checkpoints, readMetrics(folder.metrics).lines, config);
  updateRecord(folder.record, { status: 'finished', ...scores, ...change });
}
