/** Small run folders for the report's tests: random logits, made-up curves, made-up gradients. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { appendEpoch } from '../../src/run/metricsLog.js';
import { createRecord, type NewRecord, updateRecord } from '../../src/run/record.js';
import type { RunFolder } from '../../src/run/runFolder.js';
import { exampleEvaluation } from '../eval/example.js';
import { exampleRecord, finishRun } from '../run/example.js';
import { makeRunFolder } from '../run/makeRunFolder.js';

export interface ExampleRun {
  readonly name?: string;
  readonly classCounts?: readonly number[];
  readonly classNames?: readonly string[];
  readonly images?: number;
  readonly gradients?: boolean;
  readonly finished?: boolean;
  /** None leaves a run that was not evaluated yet. */
  readonly checkpoints?: readonly ('best' | 'last')[];
  /** Lines of metrics.jsonl; from the second on they have test accuracies. */
  readonly epochs?: number;
  /** What is other than in `exampleRecord`. */
  readonly record?: Partial<NewRecord>;
}

export const longTail = [500, 200, 150, 90, 40, 25, 15, 8, 5];

export function writeExampleRun(output: string, run: ExampleRun = {}): RunFolder {
  const {
    name = 'cifar100_lt/gala_if100',
    classCounts = longTail,
    images = 300,
    checkpoints = ['best'],
    epochs = 3,
  } = run;
  const folder = makeRunFolder({ output, name, seed: 3 });
  createRecord(folder.record, { ...exampleRecord(name), ...run.record });
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const tested = epoch === 1 ? {} : { test_top1: 20 * epoch, test_top1_rebalanced: 21 * epoch };
    appendEpoch(folder.metrics, { epoch, loss: epoch === 2 ? null : 3 / epoch, learning_rate: 0.1, ...tested });
  }
  // As of a training: the results begin with best, where there is one.
  const evaluations = [...checkpoints].sort().map(checkpoint => ({
    ...exampleEvaluation(images, classCounts),
    ...(run.classNames && { classNames: run.classNames }),
    checkpoint,
    epoch: checkpoint === 'best' ? 2 : 3,
    selected_on: checkpoint === 'best' ? 'test' : 'last',
  }));
  if (evaluations.length > 0) finishRun(folder, evaluations, { epoch: 200, training_seconds: 3000 });
  if (run.finished === false) updateRecord(folder.record, { status: 'running', epoch: 0, results: [] });
  if (run.gradients) writeFileSync(join(folder.directory, 'gradients.jsonl'), gradientLines(classCounts));
  return folder;
}

function gradientLines(classCounts: readonly number[]): string {
  const line = (epoch: number) => ({
    epoch,
    positive: classCounts.map(count => epoch * count),
    negative: classCounts.map((_, klass) => epoch * (klass + 1)),
  });
  return [1, 2, 3].map(epoch => `${JSON.stringify(line(epoch))}\n`).join('');
}
