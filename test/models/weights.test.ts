import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DataError } from '../../src/errors.js';
import { fitPart, fitState, inTorchLayout } from '../../src/models/weights.js';
import { float32, int32, randomTensor } from '../numbers.js';

const expected = {
  'backbone.conv1.weight': randomTensor('filter', [3, 3, 2, 4]),
  'classifier.bias': randomTensor('bias', [5]),
};

describe('Weights that fit the network', () => {
  test('are taken as they are from a checkpoint, without its training state', () => {
    const given = {
      'backbone.conv1.weight': randomTensor('other filter', [3, 3, 2, 4]),
      'classifier.bias': randomTensor('other bias', [5]),
      'momentum.classifier.bias': randomTensor('momentum', [5]),
      'loss.theta': randomTensor('theta', [5]),
    };
    const fitted = fitState(expected, given, 'here');
    assert.deepEqual(fitted, {
      'backbone.conv1.weight': given['backbone.conv1.weight'],
      'classifier.bias': given['classifier.bias'],
    });
  });

  test('in PyTorch’s layout have their filters turned from OIHW to HWIO, and batch counters passed over', () => {
    const oihw = float32(
      [4, 2, 3, 3],
      Array.from({ length: 72 }, (_, i) => i),
    );
    const given = {
      'backbone.conv1.weight': oihw,
      'backbone.bn1.num_batches_tracked': int32([1], [9]),
      'classifier.bias': expected['classifier.bias'],
    };
    const { shape, data } = fitState(expected, given, 'here')['backbone.conv1.weight']!;
    assert.deepEqual([...shape], [3, 3, 2, 4]);
    for (let o = 0; o < 4; o++)
      for (let i = 0; i < 2; i++)
        for (let y = 0; y < 3; y++)
          for (let x = 0; x < 3; x++) assert.equal(data[((y * 3 + x) * 2 + i) * 4 + o], ((o * 2 + i) * 3 + y) * 3 + x);
  });
});

test('Weights that do not fit are refused with every fault and the file', () => {
  const given = {
    'backbone.conv1.weight': randomTensor('wide filter', [3, 3, 2, 8]),
    'fc.bias': expected['classifier.bias'],
  };
  assert.throws(
    () => fitPart(expected, given, 'model.safetensors', 'all'),
    (error: unknown) => {
      assert.ok(error instanceof DataError);
      assert.equal(error.where, 'model.safetensors');
      assert.match(error.message, /backbone\.conv1\.weight is \[3,3,2,8\], the network has \[3,3,2,4\]/);
      assert.match(error.message, /classifier\.bias is missing/);
      assert.match(error.message, /fc\.bias is not part of the network/);
      assert.match(error.message, /1 missing, 1 of another shape, 1 unexpected/);
      return true;
    },
  );
});

describe('A part of the network', () => {
  const filter = randomTensor('other filter', [3, 3, 2, 4]);
  const otherClasses = { 'backbone.conv1.weight': filter, 'classifier.bias': randomTensor('bias', [7]) };

  test('backbone is filled whole, and the classifier keeps its values whatever the file has', () => {
    const { values, kept, unused } = fitPart(expected, otherClasses, 'here', 'backbone');
    assert.deepEqual(values, { ...expected, 'backbone.conv1.weight': filter });
    assert.deepEqual([kept, unused], [['classifier.bias'], ['classifier.bias']]);
    assert.throws(() => fitPart(expected, { 'classifier.bias': expected['classifier.bias'] }, 'here', 'backbone'), {
      message: /backbone\.conv1\.weight is missing/,
    });
    assert.throws(() => fitPart(expected, { ...otherClasses, 'backbone.x': filter }, 'here', 'backbone'), {
      message: /backbone\.x is not part of the network/,
    });
  });

  test('matching takes what has the same name and shape, and refuses a file of which nothing fits', () => {
    const { values, kept, unused } = fitPart(expected, { ...otherClasses, 'backbone.x': filter }, 'here', 'matching');
    assert.deepEqual(values, { ...expected, 'backbone.conv1.weight': filter });
    assert.deepEqual([kept, unused], [['classifier.bias'], ['backbone.x']]);
    assert.throws(() => fitPart(expected, { 'backbone.x': filter }, 'here', 'matching'), DataError);
  });

  test('is advised only where the file has it', () => {
    const next = /weights_part: backbone/;
    assert.throws(() => fitPart(expected, otherClasses, 'here', 'all'), { next });
    for (const part of ['all', 'backbone'] as const)
      assert.throws(() => fitPart(expected, { ...otherClasses, 'backbone.x': filter }, 'here', part), {
        next: /^Set model\.backbone .*, or model\.weights_part: matching/,
      });
  });
});

test('A filter turned to PyTorch’s layout and fitted again is the same', () => {
  const turned = inTorchLayout(expected['backbone.conv1.weight']);
  assert.deepEqual(turned.shape, [4, 2, 3, 3]);
  assert.equal(turned.data[1], expected['backbone.conv1.weight'].data[8]); // one pixel to the right: 2 · 4 elements on
  const fitted = fitState(expected, { ...expected, 'backbone.conv1.weight': turned }, 'here');
  assert.deepEqual(fitted, expected);
});
