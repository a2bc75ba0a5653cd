/**
 * A backbone for large images on the `tensorflow` engine and on the oracle: forward with running statistics, and a
 * training step. ResNeXt-50 on each of them is compared with torchvision (test/golden/backboneGradients.test.ts).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requireTensorFlow } from '../../../src/engine/install/locate.js';
import { compileForTensorFlow } from '../../../src/engine/tensorflow/session.js';
import { linearHead } from '../../../src/models/head.js';
import { createBackbone } from '../../../src/models/index.js';
import type { HostTensor, HostTensors } from '../../../src/tensor.js';
import { evalProgram, type Network } from '../../../src/train/network.js';
import { maxError, randomBytes } from '../../numbers.js';
import { describeUnless } from '../../shared.js';
import { compileForTest, threads } from '../compute.js';
import { classes, startOf, stepErrors, train } from '../trainingSteps.js';
import { compileForEager, noAddon } from './addon.js';

const size = 32;

const backbone = createBackbone({ backbone: 'resnet10' }, 3);
const network: Network = {
  backbone,
  head: linearHead(backbone.featureSize, classes),
  imageShape: [size, size, 3],
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

type Compile = typeof compileForEager;

const withTensorFlowsOperations: Compile = request =>
  compileForTensorFlow(request, { libraries: requireTensorFlow(), threads, precision: 'fp32' });

async function logitsOf(compile: Compile, state: HostTensors): Promise<HostTensor['data']> {
  const executable = await compile({ state, programs: { eval: evalProgram(network, 2) } });
  try {
    return (await executable.run('eval', { images: randomBytes('images', [2, size, size, 3]) })).logits!.data;
  } finally {
    executable.dispose();
  }
}

describeUnless(noAddon, 'The tensorflow engine gives what the eager engine gives', () => {
  const errorsOf = async (compile: Compile) => {
    const state = startOf(network);
    return {
      logits: maxError(await logitsOf(compile, state), await logitsOf(compileForEager, state)),
      ...stepErrors(await train(compile, network, state, [0, 1]), await train(compileForEager, network, state, [0, 1])),
    };
  };

  const rows = [
    ['TensorFlow’s', withTensorFlowsOperations],
    ['gala’s', compileForTest],
  ] as const;
  for (const [whose, compile] of rows) {
    test(`for ResNet-10 with ${whose} operations: logits and loss to 1e-4, gradients and state to 1e-2`, async context => {
      const errors = await errorsOf(compile);
      context.diagnostic(JSON.stringify(errors));
      assert.ok(errors.logits <= 1e-4 && errors.loss <= 1e-4, JSON.stringify(errors));
      assert.ok(errors.momenta <= 1e-2 && errors.state <= 1e-2, JSON.stringify(errors));
    });
  }
});
