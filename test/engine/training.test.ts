/**
 * A whole training on the `tensorflow` engine: repeatable to the bit, resumable to the bit, and near itself in bf16.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { cpuFlags } from '../../src/machine/cpu.js';
import type { HostTensors } from '../../src/tensor.js';
import { maxError } from '../numbers.js';
import { compileForTest } from './compute.js';
import { networkOf, startOf, train as trainSteps } from './trainingSteps.js';

const network = networkOf(20, tf.relu);

/** As `train` of trainingSteps.ts, on `tensorflow`. */
const train = (state: HostTensors, from: number, to: number, precision: 'fp32' | 'bf16' = 'fp32') =>
  trainSteps(request => compileForTest(request, precision), network, state, [from, to]);

const start = startOf(network);

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

  const noBf16 = cpuFlags().includes('avx512_bf16') ? false : 'this CPU does not multiply bfloat16';
  test('in bf16 begin near those of fp32, but are not the same', { skip: noBf16 }, async () => {
    const { losses } = await train(start, 0, 3, 'bf16');
    const error = maxError(losses, whole.losses.slice(0, 3));
    assert.ok(error > 0 && error < 0.05, `losses ${losses} for ${whole.losses.slice(0, 3)}`);
  });
});
