/** Weights files of all kinds → names of the state; a network as PyTorch saved it gives PyTorch's logits. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HostTensors } from '../../src/engine/program.js';
import { DataError } from '../../src/errors.js';
import { sha256 } from '../../src/io/hash.js';
import { writeSafetensors } from '../../src/io/safetensors.js';
import { linearHead } from '../../src/models/head.js';
import { resnetCifar } from '../../src/models/resnetCifar.js';
import { fitWeights } from '../../src/models/weights.js';
import { readWeightsFile } from '../../src/models/weightsFile.js';
import { evalProgram, type Network } from '../../src/train/network.js';
import { compileForTest } from '../engine/compute.js';
import { formulaImages } from '../golden/formula.js';
import { zipOf } from '../io/zipFile.js';
import { float32, int32, maxError } from '../numbers.js';
import { temporaryFolder } from '../temporaryFolder.js';

const fixtures = join(import.meta.dirname, '../../../test/fixtures/weights');
const folder = temporaryFolder();
const one = float32([1], [1]);

test('A stage-1 checkpoint of MiSLAS made by PyTorch loads and gives PyTorch’s logits', async context => {
  const network: Network = {
    backbone: resnetCifar({ depth: 8, channels: 3 }),
    head: linearHead(64, 10),
    imageShape: [32, 32, 3],
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.2023, 0.1994, 0.201],
  };
  const path = join(fixtures, 'mislas.pth');
  const file = await readWeightsFile(path);
  assert.equal(file.format, 'torch zip');
  assert.equal(file.sha256, sha256(readFileSync(path)));

  const prefixed = (prefix: string, tensors: HostTensors) =>
    Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor]));
  const { parameters, statistics } = network.backbone.init(0);
  const drawn = {
    ...prefixed('backbone.', { ...parameters, ...statistics }),
    ...prefixed('classifier.', network.head.init(0)),
  };
  const state = fitWeights(drawn, file.tensors, path);
  const executable = await compileForTest({ state, programs: { eval: evalProgram(network, 4) } });
  const { logits } = await executable.run('eval', { images: formulaImages('weights images', [4, 32, 32, 3]) });
  executable.dispose();
  const expected: { logits: number[] } = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8'));
  const error = maxError(logits!.data, expected.logits);
  context.diagnostic(`max|a−b|/max|b| = ${error.toExponential(1)}`);
  assert.ok(error <= 1e-4, `${error}`);
});

test('The last block that MiSLAS keeps apart on Places-LT becomes the third of layer4', async () => {
  const { tensors, format } = await readWeightsFile(join(fixtures, 'mislas_places.pth'));
  assert.equal(format, 'torch legacy');
  assert.deepEqual(Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, [...data]])), {
    'backbone.layer4.1.conv3.weight': [1],
    'backbone.layer4.2.conv1.weight': [2],
    'classifier.weight': [3],
  });
});

test('Names of torchvision, of the CIFAR code bases, of gala and of DataParallel become those of the state', async () => {
  const path = join(folder, 'names.safetensors');
  const named = async (...names: string[]) => {
    writeSafetensors(path, Object.fromEntries(names.map(name => [name, one])));
    return Object.keys((await readWeightsFile(path)).tensors).sort();
  };
  const expected = ['backbone.layer1.0.conv1.weight', 'classifier.weight'];
  assert.deepEqual(await named('layer1.0.conv1.weight', 'fc.weight'), expected);
  assert.deepEqual(await named('module.layer1.0.conv1.weight', 'module.linear.weight'), expected);
  assert.deepEqual(await named('backbone.layer1.0.conv1.weight', 'classifier.weight'), expected);
  assert.deepEqual(await named('loss.theta', 'momentum.backbone.conv1.weight'), [
    'loss.theta',
    'momentum.backbone.conv1.weight',
  ]);
  await assert.rejects(named('fc.weight', 'linear.weight'), (error: unknown) => {
    assert.ok(error instanceof DataError);
    assert.match(error.message, /fc\.weight and linear\.weight are both classifier\.weight/);
    return true;
  });
});

test('A file of torch.save without tensors is refused with the keys it has', async () => {
  const pickle = Buffer.from('\x80\x02}X\x05\0\0\0epochK\x07s.', 'latin1');
  const path = join(folder, 'nothing.pth');
  writeFileSync(path, zipOf({ 'a/data.pkl': pickle }));
  await assert.rejects(readWeightsFile(path), (error: unknown) => {
    assert.ok(error instanceof DataError);
    assert.match(error.message, /no state dictionary under its keys "epoch"; known are state_dict_model, state_dict,/);
    assert.equal(error.where, path);
    return true;
  });
});

test('PyTorch’s batch counters are passed over', () => {
  const expected = { 'backbone.bn1.weight': one };
  const given = { 'backbone.bn1.weight': float32([1], [3]), 'backbone.bn1.num_batches_tracked': int32([], [9]) };
  assert.deepEqual(fitWeights(expected, given, 'here')['backbone.bn1.weight']!.data, Float32Array.of(3));
});
