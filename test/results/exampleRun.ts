/** A finished run folder with random logits, as if it had been trained, and an expected.yaml for it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadConfig } from '../../src/config/load.js';
import { openDatasets } from '../../src/data/index.js';
import type { Evaluation } from '../../src/eval/logitsFile.js';
import { randomFor } from '../../src/random.js';
import { type ExpectedTable, readExpected } from '../../src/results/expected.js';
import { addResult, labelsHash } from '../../src/results/fromRun.js';
import { predictionsPath } from '../../src/results/record.js';
import { createRecord } from '../../src/run/record.js';
import { exampleRecord, finishRun } from '../run/example.js';
import { makeRunFolder } from '../run/makeRunFolder.js';

const exampleConfig = 'fashion_mnist_lt/gala';

export interface ExampleRun {
  readonly seed?: number;
  readonly skill?: number;
  /** As typed after --set. */
  readonly set?: readonly string[];
}

/**
 * A run of the bundled set whose predictions are right about half the time; `skill` raises that. Returns its folder.
 */
export async function writeExampleRun(
  output: string,
  { seed = 0, skill = 2, set = [] }: ExampleRun = {},
): Promise<string> {
  const { config } = loadConfig(exampleConfig, { seed, set });
  const { test, counts, subsetHash, trainFull } = await openDatasets(config.data);
  const classes = counts.length;
  const random = randomFor('example run', seed);
  const labels = Int32Array.from({ length: test.length }, (_, i) => test.label(i));
  const logits = Float32Array.from(
    { length: test.length * classes },
    (_, k) => random.normal() + (k % classes === labels[Math.floor(k / classes)] ? skill : 0),
  );
  const folder = makeRunFolder({ output, name: config.name, seed });
  createRecord(folder.record, {
    config,
    splits: {
      train: { images: 1236, fingerprint: trainFull.fingerprint, index_hash: subsetHash, class_counts: [...counts] },
      test: { images: test.length, fingerprint: test.fingerprint },
    },
    engine: exampleRecord('x').engine,
  });
  const evaluation: Evaluation = {
    logits,
    labels,
    indices: Int32Array.from(labels.keys()),
    classCounts: counts,
    classNames: test.classNames,
    run: config.name,
    split: 'test',
    checkpoint: 'last',
    epoch: config.train.epochs,
    selected_on: 'last',
    groups: config.eval.groups,
  };
  finishRun(folder, [evaluation], { epoch: config.train.epochs, training_seconds: 36 });
  return folder.directory;
}

/** `results/` in `folder` with a record per seed, and the path of the first. */
export async function writeExampleResults(folder: string, seeds: readonly number[] = [0]) {
  const results = join(folder, 'results');
  const paths: string[] = [];
  for (const seed of seeds) paths.push(addResult(results, await writeExampleRun(join(folder, 'runs'), { seed })));
  return { results, path: paths[0]!, predictions: predictionsPath(paths[0]!) };
}

/** An expected.yaml with the row `gala`, of which `value` % is claimed, and the table read from it. */
export async function exampleTable(path: string, value: number): Promise<ExpectedTable> {
  const { test } = await openDatasets(loadConfig(exampleConfig).config.data);
  const labels = Int32Array.from({ length: test.length }, (_, i) => test.label(i));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    path,
    [
      'fashion_mnist_lt:',
      `  labels_sha256: ${labelsHash(labels, test.classNames.length)}`,
      `  rows: { gala: ${exampleConfig} }`,
      '  claims:',
      `    - { row: gala, metric: top1, value: ${value}, source: test, std: 0.75 }`,
      '',
    ].join('\n'),
  );
  return readExpected('fashion_mnist_lt', path);
}
