import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { DataError, StorageError } from '../../src/errors.js';
import { readLogitsFile, writeLogitsFile } from '../../src/eval/logitsFile.js';
import { writeSafetensors } from '../../src/io/safetensors.js';
import type { HostTensors } from '../../src/tensor.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { exampleEvaluation } from './example.js';

const path = join(temporaryFolder(), 'test.safetensors');

/** The least a file made elsewhere must hold: 2 images, 3 classes. */
const minimal = (): HostTensors => ({
  logits: { dtype: 'float32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
  labels: { dtype: 'int32', shape: [2], data: Int32Array.of(0, 2) },
  class_counts: { dtype: 'int32', shape: [3], data: Int32Array.of(500, 50, 5) },
});

describe('logits files', () => {
  test('an evaluation comes back as it was written', () => {
    const evaluation = { ...exampleEvaluation(50, [200, 30, 3]), classNames: ['a "quoted" one', 'Ä', ''] };
    writeLogitsFile(path, evaluation);
    assert.deepEqual(readLogitsFile(path), evaluation);
  });

  test('epoch and choice of the epoch may be unknown', () => {
    const { epoch: _, selected_on: __, ...evaluation } = exampleEvaluation(5, [200, 30, 3]);
    writeLogitsFile(path, evaluation);
    assert.deepEqual(readLogitsFile(path), evaluation);
  });

  test('a file made elsewhere needs logits, labels and class counts only', () => {
    writeSafetensors(path, minimal());
    const evaluation = readLogitsFile(path);
    assert.deepEqual([...evaluation.indices], [0, 1]);
    assert.deepEqual(evaluation.classNames, ['0', '1', '2']);
    assert.equal(evaluation.split, 'unknown');
    assert.equal(evaluation.epoch, undefined);
  });

  const vector = (...values: number[]) =>
    ({ dtype: 'int32', shape: [values.length], data: Int32Array.from(values) }) as const;
  const faults: [string, RegExp, HostTensors, Record<string, string>?][] = [
    ['a label outside the classes', /image 1: Label 3/, { labels: vector(0, 3) }],
    ['a negative label', /image 0: Label -1/, { labels: vector(-1, 0) }],
    ['more labels than rows', /do not fit together/, { labels: vector(0, 1, 2) }],
    ['class counts of another number', /do not fit together/, { class_counts: vector(1, 1) }],
    ['a negative class count', /class 1 has -5/, { class_counts: vector(1, -5, 1) }],
    ['indices of another number', /do not fit together/, { indices: vector(1) }],
    [
      'logits that are not floats',
      /tensor "logits" as float32 \[N, C\]/,
      { logits: { dtype: 'int32', shape: [2, 3], data: new Int32Array(6) } },
    ],
    [
      'logits without classes',
      /tensor "logits" as float32 \[N, C\]/,
      { logits: { dtype: 'float32', shape: [6], data: new Float32Array(6) } },
    ],
    [
      'no images',
      /0 images/,
      { logits: { dtype: 'float32', shape: [0, 3], data: new Float32Array() }, labels: vector() },
    ],
    ['too few class names', /2 class names/, {}, { class_names: '["a","b"]' }],
    ['class names that are not JSON', /class_names/, {}, { class_names: 'a,b,c' }],
    ['class names that are not text', /class_names/, {}, { class_names: '[1,2,3]' }],
    ['an epoch that is no number', /epoch is "best"/, {}, { epoch: 'best' }],
  ];
  for (const [what, message, change, metadata] of faults) {
    test(`refused: ${what}`, () => {
      writeSafetensors(path, { ...minimal(), ...change }, metadata);
      assert.throws(
        () => readLogitsFile(path),
        (error: unknown) => error instanceof DataError && message.test(error.message) && error.where === path,
      );
    });
  }

  test('a file without labels, and a checkpoint given by mistake, are a DataError', () => {
    const { labels: _, ...rest } = minimal();
    writeSafetensors(path, rest);
    assert.throws(() => readLogitsFile(path), /"labels".*has nothing/);
    writeSafetensors(path, {});
    assert.throws(() => readLogitsFile(path), DataError);
  });

  test('an evaluation whose parts do not fit is not written', () => {
    const evaluation = { ...exampleEvaluation(5, [200, 30, 3]), labels: new Int32Array(4) };
    assert.throws(() => writeLogitsFile(path, evaluation), DataError);
    assert.throws(() => readLogitsFile(join(path, 'none')), StorageError);
  });
});
