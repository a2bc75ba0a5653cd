/** Many steps of a program in one call give what as many calls give, to the bit, on every engine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { CompileRequest } from '../../src/engine/program.js';
import { stepsPerCall } from '../../src/engine/steps.js';
import { EngineError } from '../../src/errors.js';
import { linearHead } from '../../src/models/head.js';
import { resnetCifar } from '../../src/models/resnetCifar.js';
import type { HostTensors } from '../../src/tensor.js';
import { evalProgram } from '../../src/train/network.js';
import { initialState } from '../../src/train/state.js';
import { trainProgram } from '../../src/train/step.js';
import { float32, int32, randomBytes, randomIntegers } from '../numbers.js';
import { describeUnless } from '../shared.js';
import { compileForTest } from './compute.js';
import { learning } from './trainingSteps.js';
import { compileForXla, noPlugin } from './xla/plugin.js';

/** Entries that are read only, changed, written without being read, and left alone; inputs of three types. */
const mixed: CompileRequest = {
  state: {
    scale: float32([2], [2, 3]),
    sum: float32([2], [0, 0]),
    latest: int32([], [0]),
    untouched: float32([], [7]),
  },
  programs: {
    add: {
      inputs: {
        x: { dtype: 'float32', shape: [2] },
        pixels: { dtype: 'uint8', shape: [3] },
        label: { dtype: 'int32', shape: [] },
      },
      apply: ({ scale, sum }, { x, pixels, label }) => {
        const added = tf.add(sum!, tf.mul(scale!, x!));
        const total = tf.sum(tf.cast(pixels!, 'float32'));
        return { state: { sum: added, latest: label! }, outputs: { added, total, label: label! } };
      },
    },
    nothing: { inputs: {}, apply: ({ scale }) => ({ state: {}, outputs: { scale: scale! } }) },
  },
};
const rows = {
  x: float32([3, 2], [1, 2, 3, 4, 5, 6]),
  pixels: { dtype: 'uint8' as const, shape: [3, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6, 250, 250, 250) },
  label: int32([3], [5, 6, 4]),
};

const classes = 10;
const batchSize = 4;
const network = {
  backbone: resnetCifar({ depth: 8, channels: 3 }),
  head: linearHead(64, classes),
  imageShape: [16, 16, 3] as const,
  mean: [0.49, 0.48, 0.45],
  std: [0.2, 0.2, 0.2],
};
const start = initialState(network, learning, new Int32Array(classes), 0);
const steps = 6;
const batches: HostTensors = {
  images: randomBytes('images', [steps, batchSize, 16, 16, 3]),
  labels: randomIntegers('labels', [steps, batchSize], classes),
  learning_rate: float32([steps], [0.1, 0.09, 0.08, 0.07, 0.06, 0.05]),
};

/** Rows `from` … `to` − 1 of stacked tensors. */
function slice(tensors: HostTensors, from: number, to: number): HostTensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, shape, data }]) => {
      const size = data.length / shape[0]!;
      return [name, { dtype, shape: [to - from, ...shape.slice(1)], data: data.slice(from * size, to * size) }];
    }),
  );
}

/** Losses of all steps in calls of `perCall`, and the state and logits after them. */
async function train(compile: typeof compileForXla, precision: 'fp32' | 'bf16', perCall: number) {
  const programs = { train: trainProgram(network, learning, batchSize), eval: evalProgram(network, batchSize) };
  const executable = await compile({ state: start, programs }, precision);
  const losses: number[] = [];
  try {
    for (let step = 0; step < steps; step += perCall) {
      const staged = await executable.stage('train', slice(batches, step, Math.min(steps, step + perCall)));
      losses.push(...(await staged.run()).loss!.data);
      staged.dispose();
    }
    const staged = await executable.stage('eval', { images: batches.images! });
    const { logits } = await staged.run();
    return { losses, state: await executable.readState(), logits };
  } finally {
    executable.dispose();
  }
}

const refuses = (promise: Promise<unknown>, message: RegExp) =>
  assert.rejects(promise, error => error instanceof EngineError && message.test(error.message));

for (const [engine, compile, skip] of [
  ['tensorflow', compileForTest, false],
  ['xla', compileForXla, noPlugin],
] as const) {
  describeUnless(skip, `Steps on the ${engine} engine`, () => {
    test('pass the state on and stack the outputs; staged inputs are copies and run again', async () => {
      const executable = await compile(mixed);
      try {
        const given = { ...rows, pixels: { ...rows.pixels, data: rows.pixels.data.slice() } };
        const staged = await executable.stage('add', given);
        given.pixels.data.fill(0);
        assert.deepEqual(await staged.run(), {
          added: float32([3, 2], [2, 6, 8, 18, 18, 36]),
          total: float32([3], [6, 15, 750]),
          label: int32([3], [5, 6, 4]),
        });
        assert.deepEqual((await staged.run()).added, float32([3, 2], [20, 42, 26, 54, 36, 72]));
        staged.dispose();
        assert.deepEqual(await executable.readState(), {
          ...mixed.state,
          sum: float32([2], [36, 72]),
          latest: int32([], [4]),
        });
      } finally {
        executable.dispose();
      }
    });

    test('leave a state of which named entries alone are read, in the order asked for', async () => {
      const executable = await compile(mixed);
      try {
        await (await executable.stage('add', rows)).run();
        const read = await executable.readState(['latest', 'sum']);
        assert.deepEqual(Object.entries(read), [
          ['latest', int32([], [4])],
          ['sum', float32([2], [18, 36])],
        ]);
        assert.deepEqual(await executable.readState([]), {});
        await refuses(executable.readState(['sum', 'other']), /no state entry 'other'/);
      } finally {
        executable.dispose();
      }
    });

    test('refuse inputs whose rows do not agree, none, and an unknown program', async () => {
      const executable = await compile(mixed);
      const run = async (program: string, inputs: HostTensors) => (await executable.stage(program, inputs)).run();
      try {
        await refuses(run('add', { ...rows, label: int32([2], [1, 2]) }), /one row a step .* x \[3,2\].*label \[2\]/);
        await refuses(run('nothing', {}), /one row a step and were given none/);
        await refuses(run('other', rows), /no program 'other'/);
        await refuses(run('add', { x: rows.x, label: rows.label }), /input 'pixels' takes uint8/);
        assert.deepEqual((await executable.readState()).sum, mixed.state.sum);
      } finally {
        executable.dispose();
      }
      await refuses(run('add', rows), /was disposed/);
    });

    for (const precision of ['fp32', 'bf16'] as const) {
      test(`train ResNet-8 with GALA to the same bits in calls of 4 and 2 as one by one, ${precision}`, async () => {
        const expected = await train(compile, precision, 1);
        assert.ok(expected.losses.every(Number.isFinite));
        assert.deepEqual(await train(compile, precision, 4), expected);
      });
    }
  });
}

test('A call does one step on a CPU and else an epoch, or equal parts of it that are not larger than 64 MiB', () => {
  const image = 3072;
  for (const setting of [4, 'auto'] as const)
    assert.equal(stepsPerCall(setting, { engine: 'xla', device: 'cuda' }, 0, 64 * image), 1);
  assert.equal(stepsPerCall('auto', { engine: 'xla', device: 'cpu' }, 169, 64 * image), 1);
  assert.equal(stepsPerCall('auto', { engine: 'eager', device: 'gpu' }, 169, 64 * image), 1);
  assert.equal(stepsPerCall('auto', { engine: 'xla', device: 'cuda' }, 169, 64 * image), 169);
  assert.equal(stepsPerCall('auto', { engine: 'xla', device: 'cuda' }, 781, 64 * image), 261);
  assert.equal(stepsPerCall('auto', { engine: 'xla', device: 'cuda' }, 452, 256 * 150_528), 1);
  assert.equal(stepsPerCall(20, { engine: 'xla', device: 'cpu' }, 169, 64 * image), 20);
  assert.equal(stepsPerCall(500, { engine: 'xla', device: 'cuda' }, 169, 64 * image), 169);
});
