/** A whole training on the `tensorflow` engine: repeatable to the bit, resumable to the bit, and near itself in bf16. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cpuHasBf16 } from '../../src/engine/index.js';
import type { HostTensors } from '../../src/engine/program.js';
import { gala } from '../../src/losses/gala.js';
import { linearHead } from '../../src/models/head.js';
import { resnetCifar } from '../../src/models/resnetCifar.js';
import { sgd } from '../../src/optim/sgd.js';
import { initialState } from '../../src/train/state.js';
import { trainProgram } from '../../src/train/step.js';
import { float32, maxError, randomBytes, randomIntegers } from '../numbers.js';
import { compileForTest } from './compute.js';

const batchSize = 8;
const classes = 10;
const network = {
  backbone: resnetCifar({ depth: 20, channels: 3 }),
  head: linearHead(64, classes),
  imageShape: [32, 32, 3] as const,
  mean: [0.49, 0.48, 0.45],
  std: [0.2, 0.2, 0.2],
};
const learning = {
  loss: gala({ lambda1: 1.2, lambda2: 0.9, variant: 'released', accumulation: 'released' }),
  optimizer: sgd({ momentum: 0.9, weight_decay: 5e-4 }),
};

/** Losses of the steps `from`…`to` − 1 after `state`, each on a batch of its own, and the state after them. */
async function train(state: HostTensors, from: number, to: number, precision: 'fp32' | 'bf16' = 'fp32') {
  const programs = { train: trainProgram(network, learning, batchSize) };
  const executable = await compileForTest({ state, programs }, precision);
  const losses: number[] = [];
  for (let step = from; step < to; step++) {
    const outputs = await executable.run('train', {
      images: randomBytes(`images of step ${step}`, [batchSize, 32, 32, 3]),
      labels: randomIntegers(`labels of step ${step}`, [batchSize], classes),
      learning_rate: float32([], [0.05]),
    });
    losses.push(outputs.loss!.data[0]!);
  }
  const after = await executable.readState();
  executable.dispose();
  return { losses, state: after };
}

const start = initialState(network, learning, new Int32Array(classes), 0);

describe('Twenty steps of ResNet-20', async () => {
  const whole = await train(start, 0, 20);

  test('change every entry of the state and keep it finite', () => {
    for (const [name, { data }] of Object.entries(whole.state)) {
      assert.ok(
        data.some((value, i) => value !== start[name]!.data[i]),
        `${name} did not change`,
      );
      assert.ok(data.every(Number.isFinite), `${name} is not finite`);
    }
  });

  test('give the same losses and the same state to the bit a second time', async () => {
    assert.deepEqual(await train(start, 0, 20), whole);
  });

  test('give the same to the bit when they stop after seven and go on in another executable', async () => {
    const first = await train(start, 0, 7);
    const second = await train(first.state, 7, 20);
    assert.deepEqual([...first.losses, ...second.losses], whole.losses);
    assert.deepEqual(second.state, whole.state);
  });

  const noBf16 = cpuHasBf16() ? false : 'this CPU does not multiply bfloat16';
  test('in bf16 begin near those of fp32, but are not the same', { skip: noBf16 }, async () => {
    const { losses } = await train(start, 0, 3, 'bf16');
    const error = maxError(losses, whole.losses.slice(0, 3));
    assert.ok(error > 0 && error < 0.05, `losses ${losses} for ${whole.losses.slice(0, 3)}`);
  });
});
