/**
 * The backbones for large images on the `tensorflow` engine and on the oracle: forward with running statistics, and a
 * training step.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linearHead } from '../../../src/models/head.js';
import { createBackbone } from '../../../src/models/index.js';
import { evalProgram, type Network } from '../../../src/train/network.js';
import { maxError, randomBytes } from '../../numbers.js';
import { describeUnless } from '../../shared.js';
import { compileForTest } from '../compute.js';
import { classes, startOf, stepErrors, train } from '../trainingSteps.js';
import { compileForEager, noAddon } from './addon.js';

const size = 32;

function networkOf(name: 'resnet10' | 'resnext50_32x4d'): Network {
  const backbone = createBackbone({ backbone: name }, 3);
  return {
    backbone,
    head: linearHead(backbone.featureSize, classes),
    imageShape: [size, size, 3],
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  };
}

describeUnless(noAddon, 'The tensorflow engine gives what the eager engine gives', () => {
  for (const name of ['resnet10', 'resnext50_32x4d'] as const) {
    test(`for ${name}: logits and loss to 1e-4, gradients and state to 1e-2`, async context => {
      const network = networkOf(name);
      const state = startOf(network);
      const logits = async (compile: typeof compileForEager) => {
        const executable = await compile({ state, programs: { eval: evalProgram(network, 2) } });
        try {
          return (await executable.run('eval', { images: randomBytes('images', [2, size, size, 3]) })).logits!.data;
        } finally {
          executable.dispose();
        }
      };
      const errors = {
        logits: maxError(await logits(compileForTest), await logits(compileForEager)),
        ...stepErrors(
          await train(compileForTest, network, state, [0, 1]),
          await train(compileForEager, network, state, [0, 1]),
        ),
      };
      context.diagnostic(JSON.stringify(errors));
      assert.ok(errors.logits <= 1e-4 && errors.loss <= 1e-4, JSON.stringify(errors));
      assert.ok(errors.momenta <= 1e-2 && errors.state <= 1e-2, JSON.stringify(errors));
    });
  }
});
