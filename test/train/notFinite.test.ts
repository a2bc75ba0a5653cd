/**
 * What training does with a network that stays finite in its losses alone: a state or logits that are not end it as
 * diverged.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import { subset } from '../../src/data/dataset.js';
import { openDatasets } from '../../src/data/index.js';
import type { Executable, StagedSteps } from '../../src/engine/program.js';
import { DivergedError } from '../../src/errors.js';
import type { HostTensors } from '../../src/tensor.js';
import { startOfTraining, writeCheckpoint } from '../../src/train/checkpoint.js';
import { experimentOn } from '../../src/train/experiment.js';
import { train } from '../../src/train/trainer.js';
import { makeRunFolder } from '../run/makeRunFolder.js';
import { temporaryFolder } from '../temporaryFolder.js';

const temporary = temporaryFolder();
const first = (count: number) => Int32Array.from({ length: count }, (_, i) => i);
const numbers = (...values: number[]): HostTensors[string] => ({
  dtype: 'float32',
  shape: [values.length],
  data: Float32Array.from(values),
});

interface Network {
  readonly weight: number;
  /** Of every image and class. */
  readonly logit: number;
}

/** Trains two steps, whose losses are finite, and evaluates; returns the error and the programs that ran. */
async function trained({ weight, logit }: Network, hasCheckpoint: boolean) {
  const { config } = loadConfig('fashion_mnist_lt/gala', {
    set: ['train.epochs=2', 'train.batch_size=8', 'data.workers=0', 'eval.every=1', 'eval.batch_size=10'],
  });
  const datasets = await openDatasets(config.data);
  const [images, tested] = [subset(datasets.train, first(16)), subset(datasets.test, first(10))];
  const experiment = experimentOn({ ...datasets, train: images, test: tested }, config);
  const folder = makeRunFolder({ output: temporary, name: 'network', seed: 0 });
  const good = { weight: numbers(1) };
  if (hasCheckpoint) writeCheckpoint(folder.checkpoints, 'last', good, startOfTraining);
  const ran: string[] = [];
  const outputs: Record<string, HostTensors> = {
    train: { loss: numbers(1) },
    eval: { logits: numbers(...new Array<number>(100).fill(logit)) },
  };
  const stage = async (program: string): Promise<StagedSteps> => ({
    run: async () => {
      ran.push(program);
      return outputs[program]!;
    },
    dispose() {},
  });
  const executable = {
    info: { engine: 'tensorflow', version: '', precision: 'fp32', threads: 1, device: 'cpu' },
    stage,
    readState: async () => ({ 'classifier.weight': numbers(1, weight) }),
  } as Partial<Executable> as Executable;
  const observer = { onSteps() {}, onEvaluationStart() {}, onEpoch() {} };
  const stop = { signal: undefined, dispose() {} };
  const error = await train({
    experiment,
    executable,
    staged: new Map(),
    folder,
    events: '',
    progress: startOfTraining,
    stop,
    observer,
  }).then(
    () => assert.fail('it was trained to the end'),
    (reason: unknown) => reason as DivergedError,
  );
  assert.ok(error instanceof DivergedError, String(error));
  assert.ok(!existsSync(folder.metrics), 'no line is written of an epoch that diverged');
  assert.deepEqual(readdirSync(folder.checkpoints), hasCheckpoint ? ['last.safetensors'] : []);
  return { ...error, message: error.message, ran, folder };
}

for (const weight of [Number.NaN, Number.POSITIVE_INFINITY])
  test(`A weight of ${weight} after the last step of an epoch is seen before its evaluation`, async () => {
    const { message, where, next, ran } = await trained({ weight, logit: Number.NaN }, false);
    assert.equal(message, 'The state entry classifier.weight is no longer finite.');
    assert.equal(where, 'after step 2 of epoch 1');
    assert.equal(next, 'Lower optim.learning_rate.', 'there is no checkpoint to name');
    assert.deepEqual(ran, ['train', 'train']);
  });

for (const logit of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
  test(`Logits of ${logit} from finite weights are a divergence, and the checkpoint of before is named`, async () => {
    const { message, where, next, folder } = await trained({ weight: 1, logit }, true);
    assert.equal(message, 'The logits of the test images are no longer finite.');
    assert.equal(where, 'evaluation after epoch 1');
    assert.equal(
      next,
      `Lower optim.learning_rate; the last good checkpoint is ${folder.checkpoints}/last.safetensors.`,
    );
  });
