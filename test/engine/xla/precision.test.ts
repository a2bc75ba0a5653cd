/**
 * What the `xla` engine multiplies in at each precision, and that bf16 is our rewriting's, summed in float32 over
 * float32 weights.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { Precision, Program } from '../../../src/engine/program.js';
import { lower } from '../../../src/engine/stablehlo/lower.js';
import { trace } from '../../../src/engine/trace/trace.js';
import { linearHead } from '../../../src/models/head.js';
import { resnetCifar } from '../../../src/models/resnetCifar.js';
import { sgd } from '../../../src/optim/optimizers.js';
import type { HostTensors } from '../../../src/tensor.js';
import { createLoss } from '../../../src/train/learning.js';
import { initialState } from '../../../src/train/state.js';
import { trainProgram } from '../../../src/train/step.js';
import { float32, normError, randomBytes, randomIntegers } from '../../numbers.js';
import { describeUnless } from '../../shared.js';
import { compileForTest } from '../compute.js';
import { compileForXla, noPlugin } from './plugin.js';

const spec = (...shape: number[]) => ({ dtype: 'float32', shape }) as const;
const products: Program = {
  inputs: { x: spec(2, 4, 4, 3), filter: spec(3, 3, 3, 5), a: spec(2, 3), b: spec(3, 4) },
  apply: (_, { x, filter, a, b }) => ({
    state: {},
    outputs: { y: tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same'), c: tf.matMul(a!, b!) },
  }),
};

/** The precision and element type that each convolution and product of the text has, in order. */
function askedFor(precision: Precision): string[] {
  const { text } = lower(trace(products, {}, precision), {}, { precision, devices: 1 });
  return text
    .split('\n')
    .filter(line => /stablehlo\.(convolution|dot_general)/.test(line))
    .map(line => `${/HIGHEST|DEFAULT/.exec(line)![0]} ${/tensor<[\dx]*x(\w+)>/.exec(line)![1]}`);
}

test(
  'fp32 asks for exact products, tf32 leaves them to the device, bf16 has its convolutions in bfloat16 ' +
    'and the head in float32',
  () => {
    assert.deepEqual(askedFor('fp32'), ['HIGHEST f32', 'HIGHEST f32']);
    assert.deepEqual(askedFor('tf32'), ['DEFAULT f32', 'DEFAULT f32']);
    assert.deepEqual(askedFor('bf16'), ['DEFAULT bf16', 'HIGHEST f32']);
  },
);

describeUnless(noPlugin, 'On the CPU plugin', () => {
  test('a bf16 convolution sums in float32: 4,096 ones are 4,096, where bfloat16 would stop at 256', async () => {
    const program: Program = {
      inputs: { x: spec(1, 1, 1, 4096) },
      apply: (_, { x }) => ({
        state: {},
        outputs: { y: tf.conv2d(x as tf.Tensor4D, tf.ones([1, 1, 4096, 1]) as tf.Tensor4D, 1, 'valid') },
      }),
    };
    const executable = await compileForXla({ state: {}, programs: { sum: program } }, 'bf16');
    try {
      const { y } = await executable.run('sum', { x: float32([1, 1, 1, 4096], Array(4096).fill(1)) });
      assert.deepEqual([...y!.data], [4096]);
    } finally {
      executable.dispose();
    }
  });

  test('a bf16 step is that of the tensorflow engine to its noise, and updates float32 weights', async context => {
    const network = {
      backbone: resnetCifar({ depth: 8, channels: 3, activation: x => tf.softplus(x) }),
      head: linearHead(64, 10),
      imageShape: [16, 16, 3] as const,
      mean: [0.49, 0.48, 0.45],
      std: [0.2, 0.2, 0.2],
    };
    const learning = {
      loss: createLoss({ name: 'cross_entropy' }),
      optimizer: sgd({ momentum: 0.9, weight_decay: 5e-4 }),
    };
    const start = initialState(network, learning, new Int32Array(10), 0);
    const inputs: HostTensors = {
      images: randomBytes('images', [16, 16, 16, 3]),
      labels: randomIntegers('labels', [16], 10),
      learning_rate: float32([], [0.05]),
    };
    const momenta = async (compile: typeof compileForXla, precision: Precision) => {
      const programs = { train: trainProgram(network, learning, 16) };
      const executable = await compile({ state: start, programs }, precision);
      try {
        await executable.run('train', inputs);
        const state = await executable.readState();
        const names = Object.keys(state).filter(name => name.startsWith('momentum.'));
        return { state, gradients: names.sort().flatMap(name => Array.from(state[name]!.data)) };
      } finally {
        executable.dispose();
      }
    };
    const exact = await momenta(compileForTest, 'fp32');
    const expected = await momenta(compileForTest, 'bf16');
    const actual = await momenta(compileForXla, 'bf16');
    const errors = {
      noise: normError(expected.gradients, exact.gradients),
      difference: normError(actual.gradients, expected.gradients),
    };
    context.diagnostic(JSON.stringify(errors));
    assert.ok(errors.difference <= 1.5 * errors.noise, JSON.stringify(errors));
    assert.ok(errors.noise > 1e-4, 'bf16 was in use');
    const weights = actual.state['backbone.layer1.0.conv1.weight']!.data as Float32Array;
    const bits = new Uint32Array(weights.buffer, weights.byteOffset, weights.length);
    assert.ok(bits.filter(word => (word & 0xffff) !== 0).length > 0.9 * bits.length, 'the weights are not bfloat16');
  });
});
