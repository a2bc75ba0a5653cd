/**
 * A training step of ResNet-10 and of ResNeXt-50 with softplus against torchvision's in float64: every gradient, every
 * batch statistic.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { linearHead } from '../../src/models/head.js';
import { isModelEntry } from '../../src/models/modelEntries.js';
import { resnet } from '../../src/models/resnet.js';
import { sgd } from '../../src/optim/optimizers.js';
import { type HostTensor, type HostTensors, sizeOf } from '../../src/tensor.js';
import { createLoss } from '../../src/train/learning.js';
import type { Network } from '../../src/train/network.js';
import { initialState } from '../../src/train/state.js';
import { trainProgram } from '../../src/train/step.js';
import { compileForTest } from '../engine/compute.js';
import { compileForEager, noAddon } from '../engine/eager/addon.js';
import { compileForXla, noPlugin } from '../engine/xla/plugin.js';
import { float32, int32 } from '../numbers.js';
import { describeUnless } from '../shared.js';
import { errorOfProducts, hashed, hashedTensor, type Summary } from './formula.js';

interface Step {
  loss: number;
  gradients: Record<string, Summary>;
  statistics: Record<string, Summary>;
}
type Name = 'resnet10' | 'resnext50_32x4d';

const fixture: Record<Name, Step> = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/backbone_gradients.json', import.meta.url), 'utf8'),
);
const classes = 10;
const imageShape = [64, 64, 3] as const;
const labels = int32([8], [0, 1, 0, 2, 9, 1, 3, 0]);
const images: HostTensor = {
  dtype: 'uint8',
  shape: [8, ...imageShape],
  data: Uint8Array.from(hashed('images', 8 * sizeOf(imageShape)), u => Math.floor(256 * u)),
};
const activation = (x: tf.Tensor4D) => tf.softplus(x);
const common = { channels: 3, activation };
const backbones = {
  resnet10: () => resnet({ block: 'basic', depths: [1, 1, 1, 1], ...common }),
  resnext50_32x4d: () => resnet({ block: 'bottleneck', depths: [3, 4, 6, 3], groups: 32, groupWidth: 4, ...common }),
};
/** No weight decay: the momenta after the first step are the gradients. */
const learning = { loss: createLoss({ name: 'cross_entropy' }), optimizer: sgd({ momentum: 0.9, weight_decay: 0 }) };

const torchName = (name: string) => name.replace(/^backbone\./, '').replace(/^classifier\./, 'fc.');

async function step(name: Name, compile: typeof compileForTest) {
  const backbone = backbones[name]();
  const head = linearHead(backbone.featureSize, classes);
  const statistics = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
  const network: Network = { backbone, head, imageShape, ...statistics };
  const state: HostTensors = {};
  for (const [entry, value] of Object.entries(initialState(network, learning, new Int32Array(classes), 0)))
    state[entry] = isModelEntry(entry) ? hashedTensor(torchName(entry), value.shape) : value;
  const executable = await compile({ state, programs: { train: trainProgram(network, learning, 8) } });
  try {
    const { loss } = await executable.run('train', { images, labels, learning_rate: float32([], [0.1]) });
    return { loss: loss!.data[0]!, state: await executable.readState() };
  } finally {
    executable.dispose();
  }
}

for (const [engine, compile, skip] of [
  ['tensorflow', compileForTest, false],
  ['xla', compileForXla, noPlugin],
  ['eager', compileForEager, noAddon],
] as const) {
  describeUnless(skip, `A training step on the ${engine} engine agrees with torchvision in float64`, () => {
    for (const name of ['resnet10', 'resnext50_32x4d'] as const) {
      test(`${name}: loss, every gradient and batch statistic`, async context => {
        const expected = fixture[name];
        const { loss, state } = await step(name, compile);
        const errors: [error: number, what: string][] = [[Math.abs(loss / expected.loss - 1), 'loss']];
        for (const [entry, value] of Object.entries(state)) {
          const gradient = entry.startsWith('momentum.') ? torchName(entry.slice('momentum.'.length)) : undefined;
          if (gradient)
            errors.push([errorOfProducts(gradient, value, expected.gradients[gradient]!), `gradient of ${gradient}`]);
          else if (entry.includes('.running_'))
            errors.push([errorOfProducts(torchName(entry), value, expected.statistics[torchName(entry)]!), entry]);
        }
        const counts = [expected.gradients, expected.statistics].map(entries => Object.keys(entries).length);
        assert.equal(errors.length, 1 + counts[0]! + counts[1]!);
        const [worst, what] = errors.reduce((a, b) => (b[0] > a[0] ? b : a));
        context.diagnostic(`largest error ${worst.toExponential(1)} (${what})`);
        assert.ok(worst <= 1e-4, `${what}: ${worst}`);
      });
    }
  });
}
