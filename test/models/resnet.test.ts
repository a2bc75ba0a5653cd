import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { createBackbone } from '../../src/models/index.js';
import { resnet } from '../../src/models/resnet.js';
import { type HostTensors, sizeOf } from '../../src/tensor.js';
import { compute } from '../engine/compute.js';
import { randomTensor } from '../numbers.js';

const elements = (tensors: HostTensors) => Object.values(tensors).reduce((sum, { shape }) => sum + sizeOf(shape), 0);

describe('A ResNet for large images', () => {
  const backbone = createBackbone({ backbone: 'resnext50_32x4d' }, 3);
  const { parameters, statistics } = backbone.init(7);

  test('has the parameters of torchvision’s, its classifier left out, under torchvision’s names', () => {
    // torchvision counts 25,028,904 with a classifier of 2048 · 1000 + 1000
    assert.equal(elements(parameters), 22_979_904);
    assert.equal(elements(createBackbone({ backbone: 'resnet10' }, 3).init(0).parameters), 4_905_792);
    assert.equal(backbone.featureSize, 2048);
    const first = ['conv1.weight', 'bn1.weight', 'bn1.bias', 'layer1.0.conv1.weight', 'layer1.0.bn1.weight'];
    assert.deepEqual(Object.keys(parameters).slice(0, 5), first);
    assert.ok('layer2.0.downsample.1.running_var' in statistics);
  });

  test('has the filters of one group in the 3×3 convolutions of a ResNeXt', () => {
    assert.deepEqual(parameters['layer1.0.conv2.weight']!.shape, [3, 3, 4, 128]);
    assert.deepEqual(parameters['layer4.2.conv2.weight']!.shape, [3, 3, 32, 1024]);
  });

  test('draws its filters from a normal distribution of variance 2/fan_out', () => {
    for (const [name, fanOut] of [
      ['layer3.1.conv1.weight', 512],
      ['layer3.1.conv2.weight', 9 * 512],
      ['conv1.weight', 49 * 64],
    ] as const) {
      const data = Array.from(parameters[name]!.data, Number);
      const variance = data.reduce((sum, value) => sum + value ** 2, 0) / data.length;
      assert.ok(Math.abs((variance * fanOut) / 2 - 1) < 0.05, `${name}: ${variance} · ${fanOut} / 2`);
    }
  });

  test('takes images of any size, grey ones too, and updates every running statistic in training only', async () => {
    const options = { block: 'bottleneck', depths: [1, 1, 1, 1], groups: 8, groupWidth: 4 } as const;
    const { init, apply, featureSize } = resnet({ ...options, channels: 1 });
    const { parameters, statistics } = init(0);
    let updated: string[] = [];
    const tensors = (values: HostTensors) =>
      Object.fromEntries(Object.entries(values).map(([name, { data, shape }]) => [name, tf.tensor(data, [...shape])]));
    const features = await compute(
      { wide: randomTensor('wide', [2, 40, 56, 1]), small: randomTensor('small', [2, 17, 9, 1]) },
      ({ wide, small }) => {
        const trained = apply(tensors(parameters), tensors(statistics), wide as tf.Tensor4D, true);
        updated = Object.keys(trained.statistics);
        const evaluated = apply(tensors(parameters), tensors(statistics), small as tf.Tensor4D, false);
        assert.deepEqual(Object.keys(evaluated.statistics), []);
        return { trained: trained.features, evaluated: evaluated.features };
      },
    );
    assert.deepEqual(updated.sort(), Object.keys(statistics).sort());
    for (const { shape, data } of Object.values(features)) {
      assert.deepEqual([...shape], [2, featureSize]);
      assert.ok(data.every(Number.isFinite));
    }
  });
});
