/** What an eager executable does with its state, its inputs and its memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { compile } from '../../../src/engine/index.js';
import type { Program } from '../../../src/engine/program.js';
import { EngineError } from '../../../src/errors.js';
import { linearHead } from '../../../src/models/head.js';
import { batchNorm, convolution, initBatchNorm } from '../../../src/models/layers.js';
import type { Network } from '../../../src/train/network.js';
import { initialState } from '../../../src/train/state.js';
import { trainProgram } from '../../../src/train/step.js';
import { float32, int32, randomBytes, randomIntegers, randomTensor } from '../../numbers.js';
import { learning } from '../trainingSteps.js';
import { compileForEager, noAddon } from './addon.js';

const skip = noAddon;

/** Adds `by` to the entry `sum`, passes `same` on, and swaps `a` and `b`. */
const bookkeeping: Program = {
  inputs: { by: { dtype: 'float32', shape: [2] } },
  apply: ({ sum, same, a, b }, { by }) => ({
    state: { sum: tf.add(sum!, by!), same: same!, a: b!, b: a! },
    outputs: { before: sum!, twice: tf.mul(by!, 2), by: by! },
  }),
};
const bookkeepingState = {
  sum: float32([2], [1, 2]),
  same: int32([1], [7]),
  a: float32([], [1]),
  b: float32([], [2]),
  bytes: { dtype: 'uint8', shape: [3], data: Uint8Array.of(0, 128, 255) } as const,
};

test('A run changes the state that its program returns and no other, and leaves the tensors of its caller alone', {
  skip,
}, async () => {
  const executable = await compileForEager({ state: bookkeepingState, programs: { step: bookkeeping } });
  const by = float32([2], [10, 20]);
  const outputs = await executable.run('step', { by });
  assert.deepEqual(Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, [...data]])), {
    before: [1, 2],
    twice: [20, 40],
    by: [10, 20],
  });
  by.data.fill(0);
  await executable.run('step', { by: float32([2], [100, 200]) });
  const state = await executable.readState();
  assert.deepEqual(state, { ...bookkeepingState, sum: float32([2], [111, 222]) });
  assert.deepEqual([...bookkeepingState.sum.data], [1, 2]);
  executable.dispose();
});

test('State can be overwritten by name, and what does not fit is refused with both types', { skip }, async () => {
  const executable = await compileForEager({ state: bookkeepingState, programs: { step: bookkeeping } });
  await executable.writeState({ sum: float32([2], [5, 6]) });
  assert.deepEqual(await executable.readState(['sum']), { sum: float32([2], [5, 6]) });
  const refused = async (work: () => Promise<unknown>, pattern: RegExp) =>
    assert.rejects(work, (error: unknown) => error instanceof EngineError && pattern.test(error.message));
  await refused(
    () => executable.writeState({ sum: float32([3], [1, 2, 3]) }),
    /takes float32 \[2\] and was given float32 \[3\]/,
  );
  await refused(() => executable.writeState({ other: float32([], [1]) }), /no state entry 'other'/);
  await refused(() => executable.readState(['other']), /no state entry 'other'/);
  await refused(() => executable.run('step', {}), /input 'by'.* was given nothing/);
  await refused(() => executable.run('other', {}), /no program 'other'; there are: step/);
  executable.dispose();
  await refused(() => executable.run('step', { by: float32([2], [1, 1]) }), /was disposed/);
});

test('A program that fails, or changes the type of its state, says so and leaves the state as it was', {
  skip,
}, async () => {
  const failing: Program = {
    inputs: {},
    apply: ({ sum }) => ({ state: {}, outputs: { x: tf.gather(sum!, tf.tensor1d([5], 'int32')) } }),
  };
  const changing: Program = {
    inputs: {},
    apply: ({ sum }) => ({ state: { sum: tf.concat([sum!, sum!]) }, outputs: {} }),
  };
  const unknown: Program = { inputs: {}, apply: () => ({ state: { other: tf.scalar(1) }, outputs: {} }) };
  const truth: Program = { inputs: {}, apply: ({ sum }) => ({ state: {}, outputs: { truth: tf.greater(sum!, 0) } }) };
  const executable = await compileForEager({
    state: bookkeepingState,
    programs: { failing, changing, unknown, truth },
  });
  await assert.rejects(executable.run('failing', {}), /stopped while it ran op by op: .*index value 5/);
  await assert.rejects(
    executable.run('changing', {}),
    /type of the state entry 'sum' from float32 \[2\] to float32 \[4\]/,
  );
  await assert.rejects(executable.run('unknown', {}), /state entry 'other', which is not part of the state/);
  await assert.rejects(executable.run('truth', {}), /output 'truth' is bool/);
  assert.deepEqual(await executable.readState(), bookkeepingState);
  executable.dispose();
});

test('bf16 is refused: the eager engine computes in fp32', { skip }, async () => {
  await assert.rejects(
    compile({ state: {}, programs: {} }, { engine: 'eager', precision: 'bf16', threads: 2 }),
    (error: unknown) => error instanceof EngineError && /fp32/.test(error.message) && error.next !== undefined,
  );
});

/** One convolution, a batch normalisation and a mean: everything that a step of training does, small. */
const smallNetwork: Network = {
  backbone: {
    featureSize: 4,
    init: () => {
      const parameters = { 'conv.weight': randomTensor('filter', [3, 3, 3, 4]) };
      const statistics = {};
      initBatchNorm('bn', 4, parameters, statistics);
      return { parameters, statistics };
    },
    apply: (parameters, statistics, images, training) => {
      const updated = training ? {} : undefined;
      const x = convolution(images, parameters['conv.weight']!, 1);
      const features = tf.mean(tf.relu(batchNorm('bn', x, parameters, statistics, updated)), [1, 2]) as tf.Tensor2D;
      return { features, statistics: updated ?? {} };
    },
  },
  head: linearHead(4, 5),
  imageShape: [6, 6, 3],
  mean: [0.5, 0.5, 0.5],
  std: [0.2, 0.2, 0.2],
};

/** 2,000 were run once (docs/benchmarks.md). */
const steps = Number(process.env.GALA_EAGER_STEPS ?? 300);

for (const accumulate of [1, 2]) {
  test(`Memory stays flat over training steps of ${accumulate} micro-batches: every tensor of a step is freed`, {
    skip,
  }, async context => {
    const learnt = { ...learning, accumulate };
    const state = initialState(smallNetwork, learnt, new Int32Array(5), 0, 4 * accumulate);
    const program = trainProgram(smallNetwork, learnt, 4 * accumulate);
    const executable = await compileForEager({ state, programs: { train: program } });
    const inputs = {
      images: randomBytes('images', [4, 6, 6, 3]),
      labels: randomIntegers('labels', [4], 5),
      learning_rate: float32([], [0.01]),
      last: int32([], [1]),
    };
    const afterSteps = async (count: number) => {
      for (let step = 0; step < count; step++) await executable.run('train', inputs);
      return {
        tensors: tf.memory().numTensors,
        data: tf.memory().numDataBuffers,
        megabytes: process.memoryUsage().rss / 1e6,
      };
    };
    const first = await afterSteps(steps / 3);
    const last = await afterSteps((2 * steps) / 3);
    context.diagnostic(`${JSON.stringify(first)} → ${JSON.stringify(last)}`);
    assert.equal(last.tensors, first.tensors);
    assert.equal(last.data, first.data);
    assert.ok(
      last.megabytes < first.megabytes + 40,
      `resident memory grew from ${first.megabytes} to ${last.megabytes} MB`,
    );
    executable.dispose();
  });
}
