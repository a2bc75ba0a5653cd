/**
 * The train step on a network small enough to write out: images are averaged over their pixels and go into a linear
 * head.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { Tensors } from '../../src/engine/program.js';
import type { Loss } from '../../src/losses/loss.js';
import type { Backbone } from '../../src/models/backbone.js';
import { linearHead } from '../../src/models/head.js';
import { isModelEntry } from '../../src/models/modelEntries.js';
import { resnetCifar } from '../../src/models/resnetCifar.js';
import { sgd } from '../../src/optim/optimizers.js';
import type { HostTensors } from '../../src/tensor.js';
import { createLoss } from '../../src/train/learning.js';
import { evalProgram, featuresProgram, headProgram, type Network } from '../../src/train/network.js';
import { initialState, readGradientRecord } from '../../src/train/state.js';
import { classifierProgram, trainProgram } from '../../src/train/step.js';
import { compileForTest } from '../engine/compute.js';
import { float32, int32, maxError, randomBytes, randomIntegers } from '../numbers.js';

const classes = 4;
const batchSize = 6;

/** Channel means times a scale each; counts its training steps in a running statistic. */
const channelMeans: Backbone = {
  featureSize: 3,
  init: () => ({
    parameters: { scale: float32([3], [1, 0.5, 2]) },
    statistics: { 'steps.running_mean': float32([1], [0]) },
  }),
  apply: (parameters, statistics, images, training) => ({
    features: tf.mul(tf.mean(images, [1, 2]), parameters.scale!),
    statistics: (training ? { 'steps.running_mean': tf.add(statistics['steps.running_mean']!, 1) } : {}) as Tensors,
  }),
};
const network: Network = {
  backbone: channelMeans,
  head: linearHead(3, classes),
  imageShape: [4, 5, 3],
  mean: [0.5, 0.25, 0.75],
  std: [0.2, 0.1, 0.4],
};
const momentum = 0.9;
const decay = 0.01;
const learning = { loss: createLoss({ name: 'cross_entropy' }), optimizer: sgd({ momentum, weight_decay: decay }) };

const images = randomBytes('images', [batchSize, ...network.imageShape]);
const labels = randomIntegers('labels', [batchSize], classes);
const rate = (value: number) => float32([], [value]);

/** The same network and step in float64 loops. */
function reference(scale: number[], weight: number[], bias: number[]) {
  const means = Array.from({ length: batchSize }, (_, b) =>
    [0, 1, 2].map(c => {
      let sum = 0;
      for (let pixel = 0; pixel < 20; pixel++) sum += images.data[(b * 20 + pixel) * 3 + c]! / 255;
      return (sum / 20 - network.mean[c]!) / network.std[c]!;
    }),
  );
  const logits = means.map(row =>
    bias.map((offset, j) => row.reduce((sum, mean, c) => sum + mean * scale[c]! * weight[3 * j + c]!, offset)),
  );
  const gradient = { scale: [0, 0, 0], weight: weight.map(() => 0), bias: bias.map(() => 0) };
  let loss = 0;
  for (const [b, row] of logits.entries()) {
    const total = row.reduce((sum, logit) => sum + Math.exp(logit), 0);
    loss -= Math.log(Math.exp(row[labels.data[b]!]!) / total) / batchSize;
    for (const [j, logit] of row.entries()) {
      const g = (Math.exp(logit) / total - (labels.data[b] === j ? 1 : 0)) / batchSize;
      gradient.bias[j]! += g;
      for (const c of [0, 1, 2]) {
        gradient.weight[3 * j + c]! += g * means[b]![c]! * scale[c]!;
        gradient.scale[c]! += g * means[b]![c]! * weight[3 * j + c]!;
      }
    }
  }
  return { loss, logits: logits.flat(), gradient };
}

describe('The gradient record', () => {
  const images = randomBytes('images', [batchSize, ...network.imageShape]);
  const recordsAfter = async (loss: Loss, steps: number) => {
    const start = initialState(network, { ...learning, loss }, new Int32Array(classes), 5);
    const executable = await compileForTest({
      state: start,
      programs: {
        train: trainProgram(network, { ...learning, loss }, batchSize),
        eval: evalProgram(network, batchSize),
      },
    });
    try {
      const logits: Float32Array[] = [];
      for (let step = 0; step < steps; step++) {
        logits.push((await executable.run('eval', { images })).logits!.data as Float32Array);
        await executable.run('train', { images, labels, learning_rate: rate(0.1) });
      }
      return { logits, state: await executable.readState(), record: await readGradientRecord(executable) };
    } finally {
      executable.dispose();
    }
  };

  test('sums what each classifier gets from its own class and from the others', async () => {
    const { logits, record } = await recordsAfter(createLoss({ name: 'cross_entropy' }), 3);
    const expected = { positive: new Float64Array(classes), negative: new Float64Array(classes) };
    for (const values of logits) {
      for (let b = 0; b < batchSize; b++) {
        const row = Array.from(values.slice(b * classes, (b + 1) * classes), Math.exp);
        const total = row.reduce((sum, value) => sum + value, 0);
        for (const [j, value] of row.entries()) {
          if (labels.data[b] === j) expected.positive[j]! += (1 - value / total) / batchSize;
          else expected.negative[j]! += value / total / batchSize;
        }
      }
    }
    assert.deepEqual(Object.keys(record), ['positive', 'negative']);
    for (const name of ['positive', 'negative'] as const)
      assert.ok(maxError(record[name]!.data, expected[name]) < 1e-5, name);
  });

  test('is GALA’s own θ and ν where these add up step by step', async () => {
    const loss = createLoss({ name: 'gala', lambda1: 1.2, lambda2: 0.9, variant: 'paper', accumulation: 'plain' });
    const { state, record } = await recordsAfter(loss, 3);
    const { positive, negative } = record;
    assert.ok(maxError(positive!.data, state['loss.theta']!.data) < 1e-5);
    assert.ok(maxError(negative!.data, state['loss.nu']!.data) < 1e-5);
  });
});

describe('A train step', async () => {
  const start = initialState(network, learning, new Int32Array(classes), 5);
  const executable = await compileForTest({
    state: start,
    programs: { train: trainProgram(network, learning, batchSize), eval: evalProgram(network, batchSize) },
  });
  const parameters = { scale: 'backbone.scale', weight: 'classifier.weight', bias: 'classifier.bias' } as const;
  const values = (state: typeof start) =>
    [parameters.scale, parameters.weight, parameters.bias].map(name => Array.from(state[name]!.data, Number)) as [
      ...[number[], number[], number[]],
    ];

  test('normalises bytes, gives the loss before the update, and moves weights and momenta as SGD does', async () => {
    await executable.writeState(start);
    const expected = reference(...values(start));
    const { loss } = await executable.run('train', { images, labels, learning_rate: rate(0.1) });
    assert.ok(maxError(loss!.data, [expected.loss]) < 1e-6);
    const after = await executable.readState();
    for (const [short, name] of Object.entries(parameters)) {
      const gradient = expected.gradient[short as keyof typeof parameters];
      const weights = start[name]!.data;
      const velocity = gradient.map((g, i) => g + decay * weights[i]!);
      assert.ok(maxError(after[`momentum.${name}`]!.data, velocity) < 1e-5, `momentum of ${name}`);
      const moved = velocity.map((v, i) => weights[i]! - 0.1 * v);
      assert.ok(maxError(after[name]!.data, moved) < 1e-6, name);
    }
    assert.deepEqual([...after['backbone.steps.running_mean']!.data], [1]);
  });

  test('at a learning rate of 0 keeps the weights and still updates statistics and momenta', async () => {
    await executable.writeState(start);
    await executable.run('train', { images, labels, learning_rate: rate(0) });
    const after = await executable.readState();
    assert.deepEqual(values(after), values(start));
    assert.deepEqual([...after['backbone.steps.running_mean']!.data], [1]);
    assert.ok(after['momentum.classifier.bias']!.data.some(v => v !== 0));
  });

  test('has an evaluation beside it that gives logits of the weights as they are and changes nothing', async () => {
    await executable.writeState(start);
    await executable.run('train', { images, labels, learning_rate: rate(0.1) });
    const before = await executable.readState();
    const { logits } = await executable.run('eval', { images });
    assert.deepEqual([...logits!.shape], [batchSize, classes]);
    assert.ok(maxError(logits!.data, reference(...values(before)).logits) < 1e-5);
    assert.deepEqual(await executable.readState(), before);
    executable.dispose();
  });
});

describe('The state of a training', () => {
  const resnet = { ...network, backbone: resnetCifar({ depth: 20, channels: 3 }), head: linearHead(64, classes) };
  const withGala = {
    ...learning,
    loss: createLoss({ name: 'gala', lambda1: 1, lambda2: 1, variant: 'released', accumulation: 'released' }),
  };
  const state = initialState(resnet, withGala, new Int32Array(classes), 0);

  test(
    'holds the model, a zero momentum for every parameter and none for running statistics, the loss, and ' +
      'the gradient record',
    () => {
      const names = Object.keys(state);
      const model = names.filter(isModelEntry);
      const momenta = names.filter(name => name.startsWith('momentum.'));
      assert.deepEqual(
        momenta.sort(),
        model
          .filter(name => !name.includes('running_'))
          .map(name => `momentum.${name}`)
          .sort(),
      );
      for (const name of momenta) assert.ok(state[name]!.data.every(value => value === 0));
      const rest = names.filter(name => !model.includes(name) && !momenta.includes(name));
      assert.deepEqual(rest.sort(), [
        ...['gradient.negative', 'gradient.positive'],
        ...['loss.nu', 'loss.nu_running', 'loss.phi', 'loss.phi_running', 'loss.theta', 'loss.theta_running'],
      ]);
    },
  );

  test('has no two entries over one piece of memory', () => {
    assert.equal(new Set(Object.values(state).map(({ data }) => data.buffer)).size, Object.keys(state).length);
  });

  test('is drawn from the seed: the same seed gives the same weights, another one others', () => {
    assert.deepEqual(initialState(resnet, withGala, new Int32Array(classes), 0), state);
    const other = initialState(resnet, withGala, new Int32Array(classes), 1);
    assert.notDeepEqual(other['backbone.conv1.weight'], state['backbone.conv1.weight']);
    assert.notDeepEqual(other['classifier.weight'], state['classifier.weight']);
  });
});

test('A small ResNet learns a fixed batch: the loss falls below a tenth in sixty steps', async () => {
  const small: Network = {
    backbone: resnetCifar({ depth: 20, channels: 1 }),
    head: linearHead(64, classes),
    imageShape: [8, 8, 1],
    mean: [0.5],
    std: [0.3],
  };
  const optimizer = sgd({ momentum: 0.9, weight_decay: 5e-4 });
  const loss = createLoss({ name: 'gala', lambda1: 1.2, lambda2: 0.9, variant: 'released', accumulation: 'released' });
  const executable = await compileForTest({
    state: initialState(small, { loss, optimizer }, new Int32Array(classes), 0),
    programs: { train: trainProgram(small, { loss, optimizer }, 8) },
  });
  const batch = { images: randomBytes('noise', [8, 8, 8, 1]), labels: randomIntegers('noise', [8], classes) };
  const losses: number[] = [];
  for (let step = 0; step < 60; step++) {
    losses.push((await executable.run('train', { ...batch, learning_rate: rate(0.05) })).loss!.data[0]!);
  }
  executable.dispose();
  assert.ok(losses.at(-1)! < losses[0]! / 10, `from ${losses[0]} to ${losses.at(-1)}`);
});

describe('A train step with mixup', () => {
  const inputs = (lambda: number, index: number[]) => ({
    ...{ images, labels, learning_rate: rate(0.1) },
    ...{ mixup_lambda: rate(lambda), mixup_index: int32([batchSize], index) },
  });
  const partners = [3, 2, 5, 0, 1, 4];
  const partnersOf = <T extends typeof images | typeof labels>(values: T): T => {
    const size = values.data.length / batchSize;
    const data = values.data.slice();
    partners.forEach((partner, i) => {
      data.set(values.data.subarray(partner * size, (partner + 1) * size), i * size);
    });
    return { ...values, data };
  };
  const withLoss = async (
    mixup: boolean,
    loss: Loss,
    steps: readonly Parameters<Awaited<ReturnType<typeof compileForTest>>['run']>[1][],
  ) => {
    const mixing = { ...learning, loss, mixup };
    const executable = await compileForTest({
      state: initialState(network, mixing, new Int32Array(classes), 5),
      programs: { train: trainProgram(network, mixing, batchSize) },
    });
    try {
      const losses: number[] = [];
      for (const step of steps) losses.push((await executable.run('train', step)).loss!.data[0]!);
      return { losses, state: await executable.readState() };
    } finally {
      executable.dispose();
    }
  };
  const galaOf = (accumulation: 'released' | 'plain') =>
    createLoss({ name: 'gala', lambda1: 1.2, lambda2: 0.9, variant: 'paper', accumulation });

  test('is the plain step at λ = 1, and that of the partners at λ = 0, statistics of the loss included', async () => {
    const loss = galaOf('released');
    const plain = { images, labels, learning_rate: rate(0.1) };
    const own = await withLoss(false, loss, [plain, plain]);
    const other = { images: partnersOf(images), labels: partnersOf(labels), learning_rate: rate(0.1) };
    const others = await withLoss(false, loss, [other, other]);
    for (const [lambda, expected] of [
      [1, own],
      [0, others],
    ] as const) {
      const mixed = await withLoss(true, loss, [inputs(lambda, partners), inputs(lambda, partners)]);
      assert.ok(maxError(mixed.losses, expected.losses) < 1e-6);
      for (const [name, { data }] of Object.entries(expected.state))
        assert.ok(maxError(mixed.state[name]!.data, data) < 1e-5, name);
    }
  });

  test('blends pixels, losses and statistics: on images that are all alike it is the blend of two losses', async () => {
    const alike = { ...images, data: images.data.map((_, i) => images.data[i % 60]!) };
    const lambda = 0.3;
    const one = { images: alike, learning_rate: rate(0.1) };
    const loss = galaOf('plain');
    const own = await withLoss(false, loss, [{ ...one, labels }]);
    const others = await withLoss(false, loss, [{ ...one, labels: partnersOf(labels) }]);
    const mixed = await withLoss(true, loss, [{ ...inputs(lambda, partners), images: alike }]);
    const blended = (a: ArrayLike<number>, b: ArrayLike<number>) =>
      Array.from(a, (value, i) => lambda * value + (1 - lambda) * b[i]!);
    assert.ok(maxError(mixed.losses, blended(own.losses, others.losses)) < 1e-6);
    // From one state everything that a step adds is a sum over samples, so the updates blend too.
    for (const name of ['loss.theta', 'loss.nu', 'momentum.classifier.bias'])
      assert.ok(
        maxError(mixed.state[name]!.data, blended(own.state[name]!.data, others.state[name]!.data)) < 1e-5,
        name,
      );
  });
});

describe('A train step on a frozen backbone', () => {
  const withFreeze = async (batch_stats: boolean, program: 'images' | 'features') => {
    const frozen = { ...learning, freeze: { backbone: true, batch_stats } };
    const start = initialState(network, frozen, new Int32Array(classes), 5);
    const executable = await compileForTest({
      state: start,
      programs: {
        images: trainProgram(network, frozen, batchSize),
        features: classifierProgram(network, frozen, batchSize),
        extract: featuresProgram(network, batchSize),
        head: headProgram(network, batchSize),
        eval: evalProgram(network, batchSize),
      },
    });
    try {
      const { features } = await executable.run('extract', { images });
      const given: HostTensors = program === 'images' ? { images } : { features: features! };
      const losses: number[] = [];
      for (let step = 0; step < 3; step++) {
        const outputs = await executable.run(program, { ...given, labels, learning_rate: rate(0.1) });
        losses.push(outputs.loss!.data[0]!);
      }
      const ofHead = await executable.run('head', { features: features! });
      const whole = await executable.run('eval', { images });
      assert.ok(maxError(ofHead.logits!.data, whole.logits!.data) < 1e-6, 'the head on features is the whole network');
      return { start, losses, state: await executable.readState() };
    } finally {
      executable.dispose();
    }
  };

  test('moves the classifier as a whole step would, keeps the backbone and has no momenta for it', async () => {
    const { start, losses, state } = await withFreeze(false, 'images');
    const whole = initialState(network, learning, new Int32Array(classes), 5);
    assert.deepEqual(
      Object.keys(start),
      Object.keys(whole).filter(name => name !== 'momentum.backbone.scale'),
    );
    assert.deepEqual(state['backbone.scale'], start['backbone.scale']);
    const expected = reference(
      ...(['backbone.scale', 'classifier.weight', 'classifier.bias'].map(name => Array.from(start[name]!.data)) as [
        number[],
        number[],
        number[],
      ]),
    );
    assert.ok(maxError([losses[0]!], [expected.loss]) < 1e-6);
    assert.ok(losses[2]! < losses[0]!);
    assert.notDeepEqual(state['classifier.weight'], start['classifier.weight']);
  });

  test('updates running statistics, unless they are frozen too', async () => {
    const steps = async (batch_stats: boolean) =>
      (await withFreeze(batch_stats, 'images')).state['backbone.steps.running_mean']!.data[0];
    assert.equal(await steps(false), 3);
    assert.equal(await steps(true), 0);
  });

  test('gives the same on features that were computed before', async () => {
    const [onImages, onFeatures] = [await withFreeze(true, 'images'), await withFreeze(true, 'features')];
    assert.ok(maxError(onFeatures.losses, onImages.losses) < 1e-6);
    for (const [name, { data }] of Object.entries(onImages.state))
      assert.ok(maxError(onFeatures.state[name]!.data, data) < 1e-6, name);
  });
});
