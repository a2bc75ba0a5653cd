/**
 * What the tensorflow engine computes in place: SGD's momentum updates, and the running averages of batch
 * normalisation. What it computes with a convolution: batch normalisation by running averages in bf16.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { Program, Tensors } from '../../src/engine/program.js';
import {
  takeMomentumUpdates,
  withFoldedBatchNorm,
  withRunningAverages,
} from '../../src/engine/tensorflow/fusedOperations.js';
import type { TracedProgram } from '../../src/engine/trace/ir.js';
import { withBf16Convolutions } from '../../src/engine/trace/mixedPrecision.js';
import { trace } from '../../src/engine/trace/trace.js';
import { batchNormTrain } from '../../src/engine/trainingKernels.js';
import { linearHead } from '../../src/models/head.js';
import { convolution } from '../../src/models/layers.js';
import { resnetCifar } from '../../src/models/resnetCifar.js';
import { sgd } from '../../src/optim/optimizers.js';
import type { HostTensors } from '../../src/tensor.js';
import { createLoss } from '../../src/train/learning.js';
import { evalProgram } from '../../src/train/network.js';
import { initialState } from '../../src/train/state.js';
import { trainProgram } from '../../src/train/step.js';
import { float32, maxError, normError, randomTensor } from '../numbers.js';
import { compileForTest, specsOf } from './compute.js';

const network = {
  backbone: resnetCifar({ depth: 20, channels: 3 }),
  head: linearHead(64, 10),
  imageShape: [32, 32, 3] as const,
  mean: [0.5, 0.5, 0.5],
  std: [0.2, 0.2, 0.2],
};
const learning = {
  loss: createLoss({ name: 'cross_entropy' }),
  optimizer: sgd({ momentum: 0.9, weight_decay: 5e-4 }),
};
const networkState = initialState(network, learning, new Int32Array(10), 0);

describe('A train step of ResNet-20', () => {
  const step = trace(trainProgram(network, learning, 8), networkState);

  for (const [precision, program] of [
    ['fp32', step],
    ['bf16', withBf16Convolutions(step)],
  ] as const) {
    test(`has all its parameters and running averages updated in place in ${precision}`, () => {
      const { program: rest, updates } = takeMomentumUpdates(withRunningAverages(program));
      const parameters = Object.keys(networkState).filter(name => name.startsWith('momentum.'));
      assert.deepEqual(updates.map(({ velocity }) => velocity).sort(), parameters.sort());
      const averages = Object.entries(rest.state).filter(([name]) => /\.running_(mean|var)$/.test(name));
      assert.equal(averages.length, 2 * 19);
      for (const [name, { node }] of averages) assert.equal(node.kernel, 'BatchNormTrain', name);
    });
  }
});

describe('Two steps of SGD on w, v by g, whose v is needed elsewhere too:', () => {
  const state = { w: randomTensor('w', [3, 5]), v: randomTensor('v', [3, 5]) };
  const inputs = { g: randomTensor('g', [3, 5]), rate: float32([], [0.3]) };
  const update = ({ w, v }: Tensors, { g, rate }: Tensors) => {
    const velocity = tf.add(tf.mul(v!, 0.9), g!);
    return { w: tf.sub(w!, tf.mul(velocity, rate!)), v: velocity };
  };
  const specs = { g: inputs.g, rate: inputs.rate };
  const programs: Record<string, { program: Program; inPlace: boolean }> = {
    'nothing else': {
      program: { inputs: specs, apply: (given, fed) => ({ state: update(given, fed), outputs: {} }) },
      inPlace: true,
    },
    'the new v as an output': {
      program: {
        inputs: specs,
        apply: (given, fed) => {
          const updated = update(given, fed);
          return { state: updated, outputs: { velocity: updated.v } };
        },
      },
      inPlace: false,
    },
    'the old v and w as outputs': {
      program: {
        inputs: specs,
        apply: (given, fed) => ({
          state: update(given, fed),
          outputs: { w: tf.mul(given.w!, 1), v: tf.mul(given.v!, 1) },
        }),
      },
      inPlace: false,
    },
    'w and v exchanged': {
      program: {
        inputs: specs,
        apply: (given, fed) => {
          const { w, v } = update({ w: given.v!, v: given.w! }, fed);
          return { state: { w: v, v: w }, outputs: {} };
        },
      },
      inPlace: true,
    },
  };

  for (const [what, { program, inPlace }] of Object.entries(programs)) {
    test(`${what}, ${inPlace ? 'in place' : 'not in place'}, with the numbers of the formula`, async () => {
      assert.equal(takeMomentumUpdates(trace(program, state)).updates.length, inPlace ? 1 : 0);
      const executable = await compileForTest({ state, programs: { step: program } });
      const [w, v] = what.includes('exchanged') ? ['v', 'w'] : ['w', 'v'];
      const expected = { [w]: Array.from(state[w as 'w'].data, Number), [v]: Array.from(state[v as 'v'].data, Number) };
      try {
        for (let step = 0; step < 2; step++) {
          const outputs: HostTensors = await executable.run('step', inputs);
          if (what.includes('old')) assert.ok(maxError(outputs.w!.data, expected.w!) < 1e-6, 'w before the step');
          for (const i of expected.w!.keys()) {
            expected[v]![i] = 0.9 * expected[v]![i]! + inputs.g.data[i]!;
            expected[w]![i]! -= 0.3 * expected[v]![i]!;
          }
          if (what.includes('new')) assert.ok(maxError(outputs.velocity!.data, expected.v!) < 1e-6, 'the new v');
          const now = await executable.readState();
          for (const name of ['w', 'v']) assert.ok(maxError(now[name]!.data, expected[name]!) < 1e-6, name);
        }
      } finally {
        executable.dispose();
      }
    });
  }
});

describe('The running averages of a batch normalisation', () => {
  const state = { mean: float32([2], [0.2, 0.4]), variance: float32([2], [1, 3]) };
  const x = randomTensor('x', [4, 3, 3, 2]);
  const programOf = (needed: 'nothing else' | 'the new averages' | 'the batch’s mean'): Program => ({
    inputs: { x },
    apply: (given, fed) => {
      const batch = batchNormTrain(fed.x as tf.Tensor4D, tf.ones([2]), tf.zeros([2]), 1e-5);
      const moved = (running: tf.Tensor, now: tf.Tensor) => tf.add(tf.mul(running, 0.9), tf.mul(now, 0.1));
      const updated = { mean: moved(given.mean!, batch.mean), variance: moved(given.variance!, batch.variance) };
      const outputs: Tensors = { y: batch.y };
      if (needed === 'the new averages') outputs.doubled = tf.mul(updated.mean, 2);
      if (needed === 'the batch’s mean') outputs.doubled = tf.mul(batch.mean, 2);
      return { state: updated, outputs };
    },
  });

  for (const [needed, inside] of [
    ['nothing else', true],
    ['the new averages', true],
    ['the batch’s mean', false],
  ] as const) {
    test(`move ${inside ? 'inside' : 'outside'} it where ${needed} is needed, with the numbers of the formula`, async () => {
      const program = programOf(needed);
      const rewritten = withRunningAverages(trace(program, state)).nodes.filter(
        ({ attributes }) => attributes.momentum,
      );
      assert.equal(rewritten.length, inside ? 1 : 0);
      const executable = await compileForTest({ state, programs: { step: program } });
      try {
        const outputs = await executable.run('step', { x });
        const now = await executable.readState();
        for (const channel of [0, 1]) {
          const values = Array.from(x.data, Number).filter((_, i) => i % 2 === channel);
          const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
          const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
          const expected = {
            mean: 0.9 * state.mean.data[channel]! + 0.1 * mean,
            variance: 0.9 * state.variance.data[channel]! + 0.1 * variance,
          };
          assert.ok(Math.abs(now.mean!.data[channel]! - expected.mean) < 1e-6);
          assert.ok(Math.abs(now.variance!.data[channel]! - expected.variance) < 1e-6);
          const doubled = { 'nothing else': undefined, 'the new averages': expected.mean, 'the batch’s mean': mean }[
            needed
          ];
          if (doubled !== undefined) assert.ok(Math.abs(outputs.doubled!.data[channel]! - 2 * doubled) < 1e-6);
        }
      } finally {
        executable.dispose();
      }
    });
  }
});

describe('Batch normalisation by running averages', () => {
  const counted = (program: TracedProgram) => {
    const kernels = withFoldedBatchNorm(program).nodes.map(({ kernel }) => kernel);
    const count = (name: string) => kernels.filter(kernel => kernel === name).length;
    return { FusedBatchNorm: count('FusedBatchNorm'), BiasAdd: count('BiasAdd') };
  };

  test('is a bias of the convolution before it in bf16, and stays as it is in fp32', () => {
    const program = trace(evalProgram(network, 8), networkState);
    assert.deepEqual(counted(withBf16Convolutions(program)), { FusedBatchNorm: 0, BiasAdd: 19 });
    assert.deepEqual(counted(program), { FusedBatchNorm: 19, BiasAdd: 0 });
  });

  const inputs = {
    images: randomTensor('images', [4, 9, 9, 8]),
    filter: randomTensor('filter', [3, 3, 8, 16]),
    grouped: randomTensor('grouped', [3, 3, 2, 16]),
    scale: randomTensor('scale', [16]),
    offset: randomTensor('offset', [16]),
    mean: randomTensor('mean', [16]),
    variance: randomTensor('variance', [16], 0.1, 9),
  };
  const normalised = (image: tf.Tensor4D, given: Tensors) => {
    const ofChannels = (name: string) => given[name] as tf.Tensor1D;
    const [offset, scale] = [ofChannels('offset'), ofChannels('scale')];
    return tf.relu(tf.batchNorm(image, ofChannels('mean'), ofChannels('variance'), offset, scale, 1e-5));
  };
  const programs: Record<string, (given: Tensors, convolved: tf.Tensor4D) => Tensors> = {
    'a convolution': (given, convolved) => ({ y: normalised(convolved, given) }),
    'a grouped convolution': ({ images, grouped, ...given }) => ({
      y: normalised(convolution(images as tf.Tensor4D, grouped!, 1), given),
    }),
    'a convolution with another use': (given, convolved) => ({ x: convolved, y: normalised(convolved, given) }),
  };

  for (const [name, apply] of Object.entries(programs)) {
    test(`of ${name} is in bf16 within the rounding of what it is in fp32`, async () => {
      const program: Program = {
        inputs: specsOf(inputs),
        apply: (_, given) => {
          const convolved = convolution(given.images as tf.Tensor4D, given.filter!, 1);
          return { state: {}, outputs: apply(given, convolved) };
        },
      };
      const folded = name.endsWith('use') ? 0 : 1;
      const bf16 = withBf16Convolutions(trace(program, {}));
      assert.deepEqual(counted(bf16), { FusedBatchNorm: 1 - folded, BiasAdd: folded });
      const computed = async (precision: 'fp32' | 'bf16') => {
        const executable = await compileForTest({ state: {}, programs: { program } }, precision);
        const { y } = await executable.run('program', inputs);
        executable.dispose();
        return y!.data;
      };
      const error = normError(await computed('bf16'), await computed('fp32'));
      assert.ok(error > 0 && error < 2 ** -7, String(error));
    });
  }
});
