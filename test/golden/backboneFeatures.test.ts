/**
 * Backbones for large images against torchvision in float64: names and shapes of the weights, and the features of one
 * image.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type * as tf from '@tensorflow/tfjs';
import type { BackboneName } from '../../src/models/backbones.js';
import { createBackbone } from '../../src/models/index.js';
import type { HostTensor, HostTensors } from '../../src/tensor.js';
import { compute } from '../engine/compute.js';
import { maxError } from '../numbers.js';
import { errorOfProducts, hashed, hashedTensor, type Summary } from './formula.js';

interface Golden extends Summary {
  /** Of the lines `name shape` of the state_dict, sorted, without batch counters and classifier. */
  readonly state_dict_sha256: string;
  readonly features: number;
  readonly first: number[];
}

const fixture: Readonly<Record<BackboneName, Golden>> = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/backbone_features.json', import.meta.url), 'utf8'),
);
const [mean, std] = [
  [0.485, 0.456, 0.406],
  [0.229, 0.224, 0.225],
];

/** The first of the images of scripts/make-backbone-fixture.py, normalised. */
function image(): HostTensor {
  const values = Float32Array.from(
    hashed('images', 64 * 64 * 3),
    (u, i) => (Math.floor(256 * u) / 255 - mean![i % 3]!) / std![i % 3]!,
  );
  return { dtype: 'float32', shape: [1, 64, 64, 3], data: values };
}

function stateDictHash(tensors: HostTensors): string {
  const lines = Object.entries(tensors).map(([name, { shape }]) => {
    const inTorch = shape.length === 4 ? [shape[3], shape[2], shape[0], shape[1]] : shape;
    return `${name} ${inTorch.join('x')}`;
  });
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex');
}

describe('A backbone is that of torchvision:', () => {
  for (const [name, golden] of Object.entries(fixture)) {
    test(`${name}: names, shapes, and features to 1e-4`, async context => {
      const backbone = createBackbone({ backbone: name as BackboneName }, 3);
      const { parameters, statistics } = backbone.init(0);
      const drawn = { ...parameters, ...statistics };
      assert.equal(stateDictHash(drawn), golden.state_dict_sha256);
      assert.equal(backbone.featureSize, golden.features);
      const tensors = Object.fromEntries(
        Object.entries(drawn).map(([key, { shape }]) => [key, hashedTensor(key, shape)]),
      );
      const { features } = await compute({ ...tensors, image: image() }, given => ({
        features: backbone.apply(given, given, given.image as tf.Tensor4D, false).features,
      }));
      const errors = {
        first: maxError([...features!.data.slice(0, 8)], golden.first),
        whole: errorOfProducts('features', features!, golden),
      };
      context.diagnostic(JSON.stringify(errors));
      assert.ok(Math.max(...Object.values(errors)) <= 1e-4, JSON.stringify(errors));
    });
  }
});
