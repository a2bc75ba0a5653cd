/** Weights in and out through the command line: `model.weights`, what run.json keeps of it, and `gala export`. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { sha256 } from '../../src/io/hash.js';
import { readSafetensors, writeSafetensors } from '../../src/io/safetensors.js';
import { runOnnx, withoutOnnx } from '../engine/onnx/runOnnx.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, gala } from './gala.js';
import { checkpointOf, onlyRun, recordOf } from './outcome.js';
import { smallTraining, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };
const set = writeSmallSet(at('set'));
const exported = at('exported.safetensors');
/** One epoch whose steps change nothing but batch statistics. */
const still = ['optim.learning_rate=0', 'optim.warmup_learning_rate=0', 'train.epochs=1', 'train.batch_size=300'];
let run: string;

before(async () => {
  await gala(smallTraining(set, at('first'), ['train.epochs=1']), 0, options);
  run = onlyRun(at('first'));
  await gala(['export', '--run', run, '--output', exported], 0, options);
});

test('gala export writes the best checkpoint’s network with torchvision’s names and OIHW filters', () => {
  const { tensors, metadata } = readSafetensors(exported);
  const { tensors: state } = checkpointOf(run, 'best');
  const model = Object.keys(state).filter(name => /^(backbone|classifier)\./.test(name));
  assert.equal(Object.keys(tensors).length, model.length);
  assert.deepEqual(tensors['fc.weight'], state['classifier.weight']);
  const [filter, own] = [tensors['layer2.0.conv1.weight']!, state['backbone.layer2.0.conv1.weight']!];
  assert.deepEqual(filter.shape, [32, 16, 3, 3]);
  assert.deepEqual(own.shape, [3, 3, 16, 32]);
  assert.equal(filter.data[((5 * 16 + 7) * 3 + 2) * 3 + 1], own.data[((2 * 3 + 1) * 16 + 7) * 32 + 5]);
  assert.equal(metadata.backbone, 'resnet20');
  assert.equal(metadata.config_hash, recordOf(run).config_hash);
});

test('Training begins with the weights of a file, and run.json says which', async () => {
  const { stderr } = await gala(smallTraining(set, at('whole'), [...still, `model.weights=${exported}`]), 0, options);
  assert.match(stderr, /Begins with the weights of .*exported\.safetensors \(safetensors, sha256 [0-9a-f]{12}…\)\.\n/);
  const second = onlyRun(at('whole'));
  const { weights } = recordOf(second);
  const { file, format, part, drawn, unused } = weights!;
  assert.deepEqual(
    { file, format, part, drawn, unused },
    { file: exported, format: 'safetensors', part: 'all', drawn: [], unused: [] },
  );
  assert.equal(weights!.sha256, sha256(readFileSync(exported)));
  const [before, after] = [checkpointOf(run, 'best').tensors, checkpointOf(second, 'last').tensors];
  for (const name of ['backbone.conv1.weight', 'classifier.bias']) assert.deepEqual(after[name], before[name]);
});

test(
  'A file for another number of classes is refused with what differs, and gives its backbone when that ' +
    'is asked for',
  async () => {
    const other = at('other.safetensors');
    const { tensors } = readSafetensors(exported);
    writeSafetensors(other, {
      ...tensors,
      'fc.weight': { dtype: 'float32', shape: [3, 64], data: new Float32Array(192) },
      'fc.bias': { dtype: 'float32', shape: [3], data: new Float32Array(3) },
    });
    const refused = await gala(smallTraining(set, at('refused'), [`model.weights=${other}`]), 4, options);
    assert.match(errorOf(refused).message, /0 missing, 2 of another shape, 0 unexpected/);
    assert.match(refused.stderr, /classifier\.weight is \[3,64\], the network has \[10,64\]/);
    assert.equal(errorOf(refused).where, other);
    assert.match(errorOf(refused).next, /model\.weights_part/);
    const words = ['eval', '--config', 'fashion_mnist_lt/gala', '--set', 'model.head=cosine', '--weights', other];
    const evaluated = errorOf(await gala([...words, '--data', set], 4, options));
    assert.equal(evaluated.next, 'Give the model.backbone and model.head with which the weights were trained.');

    const overrides = [...still, `model.weights=${other}`, 'model.weights_part=backbone'];
    const { stderr } = await gala(smallTraining(set, at('backbone'), overrides), 0, options);
    assert.match(stderr, /Drawn from the seed: classifier\.weight, classifier\.bias\./);
    const { weights } = recordOf(onlyRun(at('backbone')));
    assert.deepEqual(weights!.drawn, ['classifier.weight', 'classifier.bias']);
  },
);

test('A file that is not there or is none ends before the first step and leaves no run: exit 4', async () => {
  const missing = await gala(smallTraining(set, at('none'), ['model.weights=nowhere.pth']), 4, options);
  assert.deepEqual(errorOf(missing).where, 'nowhere.pth');
  const text = at('text.pth');
  writeFileSync(text, 'not weights at all');
  assert.equal(errorOf(await gala(smallTraining(set, at('none'), [`model.weights=${text}`]), 4, options)).where, text);
  const left = existsSync(at('none')) ? readdirSync(at('none'), { recursive: true }) : [];
  assert.deepEqual(
    left.filter(name => String(name).endsWith('run.json')),
    [],
  );
});

test('gala export to .onnx: onnxruntime computes the test logits of the run, and the file says what it is of', {
  skip: withoutOnnx,
}, async () => {
  const file = at('model.onnx');
  await gala(['export', '--run', run, '--output', file, '--input', 'uint8'], 0, options);
  writeFileSync(at('pixels'), readFileSync(join(set, 't10k-images-idx3-ubyte')).subarray(16));
  const { logits, probabilities, metadata, input } = runOnnx(file, at('pixels'));
  const { tensors } = readSafetensors(join(run, 'logits/test-best.safetensors'));
  const expected = tensors.logits!.data;
  assert.equal(logits.length, expected.length);
  for (const [i, logit] of logits.entries()) assert.ok(Math.abs(logit - expected[i]!) <= 1e-4, `logit ${i}`);
  assert.ok(Math.abs(probabilities.slice(0, 10).reduce((sum, p) => sum + p, 0) - 1) < 1e-5);
  assert.deepEqual(input, ['images', 'tensor(uint8)', ['batch', 8, 8, 1]]);
  assert.equal(JSON.parse(metadata.class_names!)[9], 'Ankle boot');
  assert.equal(JSON.parse(metadata.class_mass!).length, 10);
  assert.deepEqual([metadata.opset, metadata.tau, metadata.backbone], ['17', '1', 'resnet20']);
});

test('A file gets the format of its name, and a name of another format is refused: exit 2', async () => {
  const refuse = async (...words: string[]) => errorOf(await gala(['export', '--run', run, ...words], 2, options));
  assert.match((await refuse('--output', 'x.pth')).next, /^Name it x\.safetensors; PyTorch reads it with/);
  assert.match((await refuse('--output', 'x.onnx', '--format', 'safetensors')).next, /^Name it x\.safetensors/);
  assert.match((await refuse('--output', 'x.safetensors', '--input', 'uint8')).next, /--format onnx/);
  await gala(['export', '--run', run, '--output', 'plain'], 0, options);
  assert.deepEqual(readFileSync(at('plain')), readFileSync(exported));
});

test('gala export of a folder that is no run, and to a folder that is not there: exit 4', async () => {
  const nothing = await gala(['export', '--run', at('nowhere'), '--output', at('x.safetensors')], 4, options);
  assert.match(errorOf(nothing).where, /nowhere/);
  const unwritable = await gala(['export', '--run', run, '--output', at('no/folder/x.safetensors')], 4, options);
  assert.match(errorOf(unwritable).where, /no\/folder/);
  const { stderr } = await gala(['export', '--run', run], 2, options);
  assert.match(stderr, /--output/);
});
