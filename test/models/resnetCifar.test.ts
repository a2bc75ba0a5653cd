import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { createBackbone } from '../../src/models/index.js';
import { resnetCifar } from '../../src/models/resnetCifar.js';
import { type HostTensors, sizeOf } from '../../src/tensor.js';
import { compute } from '../engine/compute.js';
import { randomTensor } from '../numbers.js';

const elements = (tensors: HostTensors) => Object.values(tensors).reduce((sum, { shape }) => sum + sizeOf(shape), 0);

describe('A CIFAR ResNet', () => {
  test('has the published number of parameters at every depth', () => {
    // akamaster/pytorch_resnet_cifar10 counts 269,722 … 853,018 with a classifier of 650
    const expected = { resnet20: 269_072, resnet32: 463_504, resnet44: 657_936, resnet56: 852_368 } as const;
    for (const [name, count] of Object.entries(expected)) {
      const backbone = createBackbone({ backbone: name as keyof typeof expected }, 3);
      assert.equal(elements(backbone.init(0).parameters), count, name);
    }
  });

  test('takes grey images with a first convolution of one channel', () => {
    const { parameters } = createBackbone({ backbone: 'resnet20' }, 1).init(0);
    assert.deepEqual(parameters['conv1.weight']!.shape, [3, 3, 1, 16]);
  });

  test('draws its filters from a normal distribution of variance 2/fan_in, another one for every name and seed', () => {
    const { init } = resnetCifar({ depth: 32, channels: 3 });
    const { parameters } = init(7);
    const filters = parameters['layer3.2.conv1.weight']!;
    assert.deepEqual(filters.shape, [3, 3, 64, 64]);
    const data = Array.from(filters.data, Number);
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
    const expected = 2 / (3 * 3 * 64);
    assert.ok(Math.abs(mean) < 0.02 * Math.sqrt(expected));
    assert.ok(Math.abs(variance / expected - 1) < 0.03);
    const beyond = data.filter(value => Math.abs(value) > 2 * Math.sqrt(expected)).length / data.length;
    assert.ok(Math.abs(beyond - 0.0455) < 0.005, `${beyond} lie beyond two deviations`);
    assert.deepEqual(init(7).parameters, parameters);
    assert.notDeepEqual(init(8).parameters['conv1.weight'], parameters['conv1.weight']);
    assert.notDeepEqual(parameters['layer3.3.conv1.weight']!.data, filters.data);
  });

  test('starts batch normalisation at scale 1, offset 0, running mean 0 and variance 1', () => {
    const { parameters, statistics } = resnetCifar({ depth: 20, channels: 3 }).init(0);
    const all = (tensor: HostTensors[string], value: number) => tensor.data.every(element => element === value);
    const names = Object.keys(parameters).filter(name => /bn\d\.weight$/.test(name));
    assert.equal(names.length, 19);
    for (const weight of names) {
      const layer = weight.slice(0, -'.weight'.length);
      assert.ok(all(parameters[weight]!, 1) && all(parameters[`${layer}.bias`]!, 0), layer);
      assert.ok(all(statistics[`${layer}.running_mean`]!, 0) && all(statistics[`${layer}.running_var`]!, 1), layer);
    }
    assert.equal(Object.keys(statistics).length, 2 * 19);
  });

  test('updates running statistics in training only, and gives the feature size it announces', async () => {
    const { init, apply, featureSize } = resnetCifar({ depth: 20, channels: 3 });
    const { parameters, statistics } = init(0);
    const updated: Record<string, string[]> = {};
    const features = await compute({ images: randomTensor('images', [2, 8, 8, 3]) }, ({ images }) => {
      const tensors = (values: HostTensors) =>
        Object.fromEntries(
          Object.entries(values).map(([name, { data, shape }]) => [name, tf.tensor(data, [...shape])]),
        );
      const run = (training: boolean) =>
        apply(tensors(parameters), tensors(statistics), images as tf.Tensor4D, training);
      const [training, evaluating] = [run(true), run(false)];
      updated.training = Object.keys(training.statistics);
      updated.evaluating = Object.keys(evaluating.statistics);
      return { training: training.features, evaluating: evaluating.features };
    });
    assert.deepEqual(updated.training!.sort(), Object.keys(statistics).sort());
    assert.deepEqual(updated.evaluating, []);
    for (const { shape, data } of Object.values(features)) {
      assert.deepEqual([...shape], [2, featureSize]);
      assert.ok(data.every(Number.isFinite));
    }
    assert.notDeepEqual(features.training!.data, features.evaluating!.data);
  });
});
