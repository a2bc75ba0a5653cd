/**
 * The ONNX model of every kind of backbone and head computes what the tensorflow engine computes, by onnxruntime.
 * ResNet-101 and -152 have the layers of ResNet-50, only more.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { schemaAt } from '../../../src/config/keys.js';
import type { Config } from '../../../src/config/schema.js';
import { compile } from '../../../src/engine/index.js';
import { createBackbone, createHead } from '../../../src/models/index.js';
import { backbonePrefix, headPrefix, withPrefix } from '../../../src/models/modelEntries.js';
import { randomFor } from '../../../src/random.js';
import type { HostTensors } from '../../../src/tensor.js';
import { onnxModel } from '../../../src/train/exportOnnx.js';
import { evalProgram, type Network } from '../../../src/train/network.js';
import { temporaryFolder } from '../../temporaryFolder.js';
import { runOnnx, withoutOnnx } from './runOnnx.js';

const temporary = temporaryFolder();
const classes = 5;
const side = 32;
const batch = 3;
type Model = Config['model'];
const backbones = schemaAt(['model', 'backbone'])[0]!.enum as readonly Model['backbone'][];

const cases: readonly { backbone: Model['backbone']; head: Model['head']; channels: number }[] = [
  ...backbones
    .filter(backbone => !['resnet101', 'resnet152'].includes(backbone))
    .map(backbone => ({ backbone, head: 'linear', channels: 3 }) as const),
  { backbone: 'resnet20', head: 'cosine', channels: 1 },
  { backbone: 'resnet20', head: 'tau_normalized', channels: 3 },
];

for (const { backbone: name, head, channels } of cases) {
  test(`${name}, head ${head}, ${channels} channels`, { skip: withoutOnnx }, async () => {
    const model = { backbone: name, head, scale: 16, tau: 0.7 } as Model;
    const backbone = createBackbone(model, channels);
    const network: Network = {
      backbone,
      head: createHead(model, backbone.featureSize, classes),
      imageShape: [side, side, channels],
      mean: [0.4, 0.5, 0.6].slice(0, channels),
      std: [0.2, 0.25, 0.3].slice(0, channels),
    };
    const state = randomState(network);
    const data = Uint8Array.from({ length: batch * side * side * channels }, (_, i) => (i * i * 7 + i * 13) % 251);
    const images = join(temporary, 'images');
    writeFileSync(images, data);

    const executable = await compile(
      { state, programs: { eval: evalProgram(network, batch) } },
      { engine: 'tensorflow', precision: 'fp32', threads: 1 },
    );
    const shape = [batch, side, side, channels];
    const expected = (await executable.run('eval', { images: { dtype: 'uint8', shape, data } })).logits!.data;
    executable.dispose();
    const largest = Math.max(...expected.map(Math.abs));
    assert.ok(largest > 1e-3, `logits of ${largest} would show nothing`);

    const metadata = { mean: JSON.stringify(network.mean), std: JSON.stringify(network.std) };
    for (const input of ['uint8', 'float32'] as const) {
      const file = join(temporary, 'model.onnx');
      writeFileSync(file, onnxModel(network, state, input, metadata));
      const { logits, input: given } = runOnnx(file, images);
      assert.equal(given[2][0], 'batch');
      const difference = Math.max(...logits.map((logit, i) => Math.abs(logit - expected[i]!)));
      assert.ok(difference <= 1e-4 * Math.max(1, largest), `${input}: logits up to ${largest} differ by ${difference}`);
    }
  });
}

/** Weights as drawn; batch normalisations whose four vectors are all of effect. */
function randomState({ backbone, head }: Network): HostTensors {
  const { parameters, statistics } = backbone.init(1);
  const random = randomFor('onnx');
  const spread = (tensors: HostTensors, ending: string, low: number, high: number) => {
    for (const [name, { data }] of Object.entries(tensors)) {
      if (!name.endsWith(ending) || tensors[name]!.shape.length !== 1) continue;
      for (let i = 0; i < data.length; i++) data[i] = low + (high - low) * random.uniform();
    }
  };
  spread(parameters, '.weight', 0.2, 0.8);
  spread(parameters, '.bias', -0.3, 0.3);
  spread(statistics, '.running_mean', -0.3, 0.3);
  spread(statistics, '.running_var', 0.5, 2);
  return { ...withPrefix(backbonePrefix, { ...parameters, ...statistics }), ...withPrefix(headPrefix, head.init(1)) };
}
