/** The averaged weights: PyTorch's numbers, every step counted once, and evaluation by them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type * as tf from '@tensorflow/tfjs';
import { compile } from '../../src/engine/index.js';
import { linearHead } from '../../src/models/head.js';
import { evaluatedModel, isModelEntry, withFreshAverages } from '../../src/models/modelEntries.js';
import { resnetCifar } from '../../src/models/resnetCifar.js';
import { sgd } from '../../src/optim/optimizers.js';
import type { HostTensors } from '../../src/tensor.js';
import type { Learning } from '../../src/train/learning.js';
import { createLoss } from '../../src/train/learning.js';
import { evalProgram, type Network } from '../../src/train/network.js';
import { initialState } from '../../src/train/state.js';
import { classifierProgram, movedAverages, trainProgram } from '../../src/train/step.js';
import { compileForTest, compute } from '../engine/compute.js';
import { float32, maxError, randomBytes, randomIntegers, randomTensor } from '../numbers.js';

const classes = 4;
const batchSize = 6;
const decay = 0.75;
const network: Network = {
  backbone: resnetCifar({ depth: 8, channels: 3 }),
  head: linearHead(64, classes),
  imageShape: [8, 8, 3],
  mean: [0.5, 0.5, 0.5],
  std: [0.2, 0.2, 0.2],
};
const plain: Learning = {
  loss: createLoss({ name: 'cross_entropy' }),
  optimizer: sgd({ momentum: 0.9, weight_decay: 5e-4 }),
};
const batches = [0, 1, 2].map(step => ({
  images: randomBytes(`images ${step}`, [batchSize, 8, 8, 3]),
  labels: randomIntegers(`labels ${step}`, [batchSize], classes),
}));

/** States before and after each step, and the logits of the first images at the end. */
async function trained(learning: Learning, accumulate = 1) {
  const state = initialState(network, { ...learning, accumulate }, new Int32Array(classes), 5, batchSize);
  const executable = await compileForTest({
    state,
    programs: {
      train: trainProgram(network, { ...learning, accumulate }, batchSize),
      eval: evalProgram(network, batchSize),
    },
  });
  try {
    const states: HostTensors[] = [state];
    for (const { images, labels } of batches) {
      for (let micro = 0; micro < accumulate; micro++) {
        const rows = batchSize / accumulate;
        const part = <T extends typeof images | typeof labels>(tensor: T, size: number): T => ({
          ...tensor,
          shape: [rows, ...tensor.shape.slice(1)],
          data: tensor.data.slice(micro * rows * size, (micro + 1) * rows * size),
        });
        await executable.run('train', {
          images: part(images, 8 * 8 * 3),
          labels: part(labels, 1),
          learning_rate: float32([], [0.1]),
          ...(accumulate > 1 && {
            last: { dtype: 'int32', shape: [], data: Int32Array.of(micro === accumulate - 1 ? 1 : 0) },
          }),
        });
      }
      states.push(await executable.readState());
    }
    return { states, logits: (await executable.run('eval', { images: batches[0]!.images })).logits! };
  } finally {
    executable.dispose();
  }
}

/** ema ← decay · ema + (1 − decay) · w over the states, in float64. */
function averagesOf(states: readonly HostTensors[]): Record<string, Float64Array> {
  const names = Object.keys(states[0]!).filter(isModelEntry);
  return Object.fromEntries(
    names.map(name => {
      const average = Float64Array.from(states[0]![name]!.data);
      for (const state of states.slice(1))
        for (const i of average.keys()) average[i] = decay * average[i]! + (1 - decay) * state[name]!.data[i]!;
      return [name, average];
    }),
  );
}

describe('The averaged weights', () => {
  for (const accumulate of [1, 2]) {
    test(
      `move once a step of ${accumulate} micro-batches, parameters and batch statistics, and leave training ` +
        'as it is',
      async () => {
        const [without, averaged] = [
          await trained(plain, accumulate),
          await trained({ ...plain, emaDecay: decay }, accumulate),
        ];
        const last = averaged.states.at(-1)!;
        for (const [name, { data }] of Object.entries(without.states.at(-1)!))
          assert.deepEqual(last[name]!.data, data, name);
        const expected = averagesOf(without.states);
        const names = Object.keys(last).filter(name => name.startsWith('ema.'));
        assert.deepEqual(new Set(names), new Set(Object.keys(expected).map(name => `ema.${name}`)));
        for (const [name, values] of Object.entries(expected))
          assert.ok(maxError(last[`ema.${name}`]!.data, values) < 1e-5, name);
      },
    );
  }

  test('take the weights of their own step, however the threads run', async () => {
    const learning = { ...plain, emaDecay: decay, freeze: { backbone: true, batch_stats: true } };
    const state = initialState(network, learning, new Int32Array(classes), 0);
    const names = ['classifier.weight', 'classifier.bias'].flatMap(name => [name, `ema.${name}`]);
    const executable = await compile(
      { state, programs: { train: classifierProgram(network, learning, 2) } },
      { engine: 'tensorflow', precision: 'fp32', threads: 4 },
    );
    try {
      let before = await executable.readState(names);
      for (let step = 0; step < 1000; step++) {
        await executable.run('train', {
          features: randomTensor(`features ${step}`, [2, 64]),
          labels: randomIntegers(`labels ${step}`, [2], classes),
          learning_rate: float32([], [0.05]),
        });
        const now = await executable.readState(names);
        for (const name of ['classifier.weight', 'classifier.bias']) {
          const expected = Array.from(
            now[name]!.data,
            (w, i) => (1 - decay) * w + decay * before[`ema.${name}`]!.data[i]!,
          );
          assert.ok(maxError(now[`ema.${name}`]!.data, expected) < 1e-6, `${name} after step ${step}`);
        }
        before = now;
      }
    } finally {
      executable.dispose();
    }
  });

  test('are what an evaluation takes', async () => {
    const { states, logits } = await trained({ ...plain, emaDecay: decay });
    const model = evaluatedModel(states.at(-1)!);
    const executable = await compileForTest({ state: model, programs: { eval: evalProgram(network, batchSize) } });
    try {
      const again = await executable.run('eval', { images: batches[0]!.images });
      assert.deepEqual(again.logits!.data, logits.data);
      assert.ok(
        maxError(logits.data, (await trained(plain)).logits.data) > 1e-3,
        'not the logits of the weights themselves',
      );
    } finally {
      executable.dispose();
    }
  });

  test('equal torch.optim.swa_utils.AveragedModel', async () => {
    // scripts/make-ema-fixture.py, torch 2.11: decay 0.9, from the first row over the others
    const weights = [
      [0.5, -1.25, 3],
      [0.25, -1, 2.5],
      [0.75, -0.5, 2],
      [-0.125, 0.0625, 1],
    ];
    const torch = [0.43974998593330383, -1.031000018119812, 2.6695001125335693];
    const rows = Object.fromEntries(weights.map((row, i) => [`row${i}`, float32([3], row)]));
    const { ema } = await compute(rows, ({ row0, ...later }) => ({
      ema: Object.values(later).reduce<tf.Tensor>((before, w) => movedAverages({ w: before }, { w }, 0.9).w!, row0!),
    }));
    assert.ok(maxError(ema!.data, torch) < 1e-6, String(ema!.data));
  });

  test('begin anew with weights that come from elsewhere', () => {
    const state = initialState(network, { ...plain, emaDecay: decay }, new Int32Array(classes), 5);
    const given = { ...state, 'classifier.bias': float32([classes], [1, 2, 3, 4]) };
    assert.deepEqual(withFreshAverages(given)['ema.classifier.bias'], given['classifier.bias']);
  });
});
