/**
 * The backbones for large images against torchvision: names, shapes, and the features of formula weights and images.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Tensor4D } from '@tensorflow/tfjs';
import type { Program } from '../../src/engine/program.js';
import { createBackbone } from '../../src/models/index.js';
import { fitPart } from '../../src/models/weights.js';
import { type HostTensors, sizeOf } from '../../src/tensor.js';
import { compileForTest } from '../engine/compute.js';
import { float32, maxError } from '../numbers.js';
import { describeUnless, sharedPath } from '../shared.js';

type Name = 'resnet10' | 'resnet152';
interface Net {
  a: number;
  b: number;
  input_shape_nchw: [number, number, number, number];
  parameters: number;
  state_dict: [name: string, shape: number[]][];
  features_first8: number[][];
  features_mean: number;
  features_std: number;
  features_norm: number;
}

const path = sharedPath('golden', 'backbones_formula.json');
const nets: Record<Name, Net> = path === undefined ? {} : JSON.parse(readFileSync(path, 'utf8')).nets;

/**
 * Every tensor of a state_dict by the formula in the file, in PyTorch's layout. The batch counter after each
 * running_var is not in the list, but counts in i.
 */
function formulaWeights({ a, state_dict }: Net): HostTensors {
  const tensors: HostTensors = {};
  let next = 0;
  for (const [name, shape] of state_dict) {
    const i = next;
    next += name.endsWith('running_var') ? 2 : 1;
    const size = sizeOf(shape);
    const value = name.endsWith('running_var')
      ? (j: number) => 1 + 0.1 * Math.sin(a * j + i)
      : shape.length > 1
        ? (j: number) => Math.sin(1.618 * a * j + i) * Math.sqrt((2 * shape[0]!) / size)
        : name.endsWith('weight')
          ? (j: number) => 0.5 + 0.1 * Math.sin(a * j + i)
          : (j: number) => 0.05 * Math.sin(a * j + i);
    tensors[name] = float32(
      shape,
      Float32Array.from({ length: size }, (_, j) => value(j)),
    );
  }
  return tensors;
}

/** sin(b·j) at the j-th element in NCHW order, as NHWC. */
function formulaImages({ b, input_shape_nchw: [batch, channels, height, width] }: Net) {
  const data = new Float32Array(batch * channels * height * width);
  let j = 0;
  for (let n = 0; n < batch; n++)
    for (let c = 0; c < channels; c++)
      for (let pixel = 0; pixel < height * width; pixel++)
        data[(n * height * width + pixel) * channels + c] = Math.sin(b * j++);
  return float32([batch, height, width, channels], data);
}

describeUnless(
  path === undefined && 'the shared golden folder is not here',
  'Backbones as torchvision builds them',
  () => {
    /** A network with weights of the file’s names; asserts that the names and shapes are torchvision’s. */
    const networkWith = (name: Name, weightsOf: (net: Net) => HostTensors) => {
      const net = nets[name];
      const backbone = createBackbone({ backbone: name }, 3);
      const { parameters, statistics } = backbone.init(0);
      const sum = Object.values(parameters).reduce((total, { shape }) => total + sizeOf(shape), 0);
      assert.equal(sum, net.parameters);
      // Names in torchvision's order, parameters and statistics each; shapes are checked by fitting.
      const named = (isStatistic: boolean) =>
        net.state_dict.map(([key]) => key).filter(key => /\.running_/.test(key) === isStatistic);
      assert.deepEqual(Object.keys(parameters), named(false));
      assert.deepEqual(Object.keys(statistics), named(true));
      const { values } = fitPart({ ...parameters, ...statistics }, weightsOf(net), path!, 'all');
      return { net, backbone, values };
    };

    test('resnet10: names, shapes, and features to 1e-4', async context => {
      const { net, backbone, values } = networkWith('resnet10', formulaWeights);
      const images = formulaImages(net);
      const program: Program = {
        inputs: { images: { dtype: 'float32', shape: images.shape } },
        apply: (state, given) => ({
          state: {},
          outputs: { features: backbone.apply(state, state, given.images as Tensor4D, false).features },
        }),
      };
      const executable = await compileForTest({ state: values, programs: { features: program } });
      const { features } = await executable.run('features', { images });
      executable.dispose();

      const size = backbone.featureSize;
      assert.deepEqual([...features!.shape], [2, size]);
      const data = Float64Array.from(features!.data);
      const mean = data.reduce((total, value) => total + value, 0) / data.length;
      const squares = data.reduce((total, value) => total + (value - mean) ** 2, 0);
      const errors = {
        first8: maxError([...data.slice(0, 8), ...data.slice(size, size + 8)], net.features_first8.flat()),
        mean: Math.abs(mean / net.features_mean - 1),
        std: Math.abs(Math.sqrt(squares / (data.length - 1)) / net.features_std - 1),
        norm: Math.abs(Math.hypot(...data) / net.features_norm - 1),
      };
      context.diagnostic(JSON.stringify(errors));
      assert.ok(Math.max(...Object.values(errors)) <= 1e-4, JSON.stringify(errors));
    });

    // The features of ResNet-101, which has the same blocks, are compared in backboneFeatures.test.ts.
    test('resnet152: names and shapes', () => {
      networkWith('resnet152', ({ state_dict }) =>
        Object.fromEntries(state_dict.map(([key, shape]) => [key, float32(shape, new Float32Array(sizeOf(shape)))])),
      );
    });
  },
);
