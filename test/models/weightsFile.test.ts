/** Weights files of all kinds → names of the state; a network as PyTorch saved it gives PyTorch's logits. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { DataError } from '../../src/errors.js';
import { sha256 } from '../../src/io/hash.js';
import { writeSafetensors } from '../../src/io/safetensors.js';
import { linearHead } from '../../src/models/head.js';
import { resnetCifar } from '../../src/models/resnetCifar.js';
import { fitState } from '../../src/models/weights.js';
import { fitFile, readWeightsFile } from '../../src/models/weightsFile.js';
import type { HostTensors } from '../../src/tensor.js';
import { evalProgram, type Network } from '../../src/train/network.js';
import { compileForTest } from '../engine/compute.js';
import { formulaImages } from '../golden/formula.js';
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
  const { values: state } = fitFile(drawn, file, 'all');
  const executable = await compileForTest({ state, programs: { eval: evalProgram(network, 4) } });
  const { logits } = await executable.run('eval', { images: formulaImages('weights images', [4, 32, 32, 3]) });
  executable.dispose();
  const expected: { logits: number[] } = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8'));
  const error = maxError(logits!.data, expected.logits);
  context.diagnostic(`max|a−b|/max|b| = ${error.toExponential(1)}`);
  assert.ok(error <= 1e-4, `${error}`);
});

test('The last block that MiSLAS keeps apart on Places-LT becomes the third of layer4', async () => {
  const file = await readWeightsFile(join(fixtures, 'mislas_places.pth'));
  assert.equal(file.format, 'torch legacy');
  const names = ['backbone.layer4.1.conv3.weight', 'backbone.layer4.2.conv1.weight', 'classifier.weight'];
  const { values } = fitFile(Object.fromEntries(names.map(name => [name, float32([1], [0])])), file, 'all');
  assert.deepEqual(
    Object.entries(values).map(([name, { data }]) => [name, ...data]),
    names.map((name, i) => [name, i + 1]),
  );
});

test('A checkpoint of gala gives the network that it is evaluated by: its averages where it has them', async () => {
  const path = join(folder, 'last.safetensors');
  const of = (prefix: string, value: number) => ({
    [`${prefix}backbone.conv1.weight`]: float32([2], [value, value]),
    [`${prefix}classifier.weight`]: float32([1], [value]),
  });
  const expected = of('', 0);
  for (const [state, value] of [
    [{ ...of('', 1), ...of('momentum.', 2), 'loss.theta': one }, 1],
    [{ ...of('', 1), ...of('momentum.', 2), ...of('ema.', 3) }, 3],
  ] as const) {
    writeSafetensors(path, state);
    const { values, unused } = fitFile(expected, await readWeightsFile(path), 'all');
    assert.deepEqual([values, unused], [of('', value), []]);
  }
});

test('What is no weights file is called what it is, whatever its name', async () => {
  const cases: [string, string | Buffer, RegExp, RegExp][] = [
    [
      'pointer.pth',
      'version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n',
      /Git LFS pointer/,
      /git lfs pull/,
    ],
    [
      'pointer.safetensors',
      'version https://git-lfs.github.com/spec/v1\noid sha256:ab\n',
      /Git LFS pointer/,
      /git lfs pull/,
    ],
    ['page.pth', '\uFEFF\n <!DOCTYPE html><html><title>Sign in</title></html>', /web page/, /browser/],
    ['page.pth', '<html lang="en"><body>Not found</body></html>', /web page/, /browser/],
    ['answer.safetensors', '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', /web page/, /browser/],
    ['page.pth', '<!-- saved from the web -->\n<html></html>', /web page/, /browser/],
    ['answer.pth', '{"error": "Not Found"}\n', /a text, which begins with "\{\\"error\\": \\"Not Found\\"\}"/, /Fetch/],
    ['empty.safetensors', '', /an empty file/, /again/],
    ['weights.pth.gz', gzipSync('weights'), /packed archive/, /gunzip/],
    ['weights.tar', Buffer.from(`${'weights.pth'.padEnd(257, '\0')}ustar`), /packed archive/, /tar -xf/],
  ];
  for (const [name, content, message, next] of cases) {
    const path = join(folder, name);
    writeFileSync(path, content);
    await assert.rejects(readWeightsFile(path), (error: unknown) => {
      assert.ok(error instanceof DataError);
      assert.match(error.message, message);
      assert.match(error.next!, next);
      assert.equal(error.where, path);
      return true;
    });
  }
});

test('PyTorch’s batch counters are passed over', () => {
  const expected = { 'backbone.bn1.weight': one };
  const given = { 'backbone.bn1.weight': float32([1], [3]), 'backbone.bn1.num_batches_tracked': int32([], [9]) };
  assert.deepEqual(fitState(expected, given, 'here')['backbone.bn1.weight']!.data, Float32Array.of(3));
});

test(
  'Weights that are not finite, or too large for float32, are refused by name; a drawn classifier does ' + 'not matter',
  () => {
    const network = { 'backbone.conv1.weight': float32([2], [0, 0]), 'classifier.bias': float32([2], [0, 0]) };
    const fit = (weight: number, bias: number, part: 'all' | 'backbone') =>
      fitFile(
        network,
        {
          path: 'w.pth',
          format: 'torch zip',
          sha256: '',
          content: new Map([
            ['conv1.weight', float32([2], [1, weight])],
            ['fc.bias', float32([2], [1, bias])],
          ]),
        },
        part,
      );
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1e300]) {
      assert.throws(() => fit(value, 1, 'all'), /Weights are NaN or infinite.*: backbone\.conv1\.weight\./);
      assert.throws(() => fit(1, value, 'all'), /: classifier\.bias\./);
      assert.equal(fit(1, value, 'backbone').values['backbone.conv1.weight']!.data[1], 1);
    }
  },
);
