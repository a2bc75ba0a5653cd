/** Training and evaluation on features that were computed once, beside the same on images. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import { subset } from '../../src/data/dataset.js';
import { openDatasets } from '../../src/data/index.js';
import { compile, engineSettings } from '../../src/engine/index.js';
import type { Executable } from '../../src/engine/program.js';
import type { HostTensors } from '../../src/tensor.js';
import { openCalls } from '../../src/train/calls.js';
import { evaluateSplit } from '../../src/train/evaluateSplit.js';
import { type Experiment, experimentOn } from '../../src/train/experiment.js';
import { withFixedFeatures } from '../../src/train/fixedFeatures.js';
import { hasFixedFeatures } from '../../src/train/learning.js';
import { threads } from '../engine/compute.js';
import { maxError } from '../numbers.js';

const frozen = 'stages.classifier.freeze={backbone: true, batch_stats: true}';
const set = [
  'precision=fp32',
  `threads=${threads}`,
  'data.augment=[]',
  'data.sampler=class_aware',
  'eval.batch_size=50',
  frozen,
];
const { config } = loadConfig('fashion_mnist_lt/gala', { set });

async function smallExperiment(): Promise<Experiment> {
  const datasets = await openDatasets(config.data);
  const every = (length: number, step: number) => Int32Array.from({ length }, (_, i) => step * i);
  const train = subset(datasets.train, every(170, 7));
  return experimentOn({ ...datasets, train, test: subset(datasets.test, every(120, 3)) }, config);
}

/** One epoch of five steps: losses, state and test logits after it. */
async function trained(experiment: Experiment, executable: Executable) {
  const calls = await openCalls(experiment, executable, { epoch: 1, step: 0 }, 1);
  const losses: number[] = [];
  for (let call = await calls.next(); call; call = await calls.next()) {
    const { loss } = await call.staged.run().finally(call.staged.dispose);
    losses.push(...loss!.data);
  }
  await calls.close();
  const state = await executable.readState();
  const source = { checkpoint: 'last' };
  const evaluation = await evaluateSplit(experiment, executable, 'test', experiment.datasets.test, source);
  return { losses, state, evaluation };
}

describe('Features computed once', async () => {
  const experiment = await smallExperiment();
  const initial: HostTensors = experiment.initialState();
  const settings = await engineSettings(config);
  const onImages = await compile({ state: initial, programs: experiment.programs }, settings);
  const onFeatures = await compile({ state: initial, programs: experiment.programsOnFeatures }, settings);
  const expected = await trained(experiment, onImages);
  const cached = await withFixedFeatures(experiment, onFeatures);
  const actual = await trained(cached, onFeatures);
  onImages.dispose();
  onFeatures.dispose();

  test('train the classifier as images do, step by step', () => {
    assert.equal(expected.losses.length, 5);
    assert.notEqual(expected.losses[0], expected.losses[4]);
    assert.ok(maxError(actual.losses, expected.losses) < 1e-5);
    assert.deepEqual(Object.keys(actual.state), Object.keys(expected.state));
    for (const [name, { data }] of Object.entries(expected.state))
      assert.ok(maxError(actual.state[name]!.data, data) < 1e-4, name);
    assert.notDeepEqual(actual.state['classifier.weight'], initial['classifier.weight']);
  });

  test('evaluate as images do, and keep labels, names and fingerprints', () => {
    assert.ok(maxError(actual.evaluation.logits, expected.evaluation.logits) < 1e-5);
    const { logits: _, ...rest } = actual.evaluation;
    const { logits: __, ...others } = expected.evaluation;
    assert.deepEqual(rest, others);
    assert.equal(cached.datasets.train.fingerprint, experiment.datasets.train.fingerprint);
  });
});

test('features are fixed only where neither augmentation, mixup nor batch statistics change them', () => {
  assert.equal(hasFixedFeatures(config), true);
  for (const change of [
    'data.augment=[horizontal_flip]',
    'train.mixup_alpha=1',
    'stages.classifier.freeze.batch_stats=false',
  ])
    assert.equal(
      hasFixedFeatures(loadConfig('fashion_mnist_lt/gala', { set: [...set, change] }).config),
      false,
      change,
    );
  assert.equal(hasFixedFeatures(config.stages!.representation), false);
});
