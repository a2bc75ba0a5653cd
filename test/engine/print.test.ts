import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { Program } from '../../src/engine/program.js';
import { writePrograms } from '../../src/engine/trace/print.js';
import { float32 } from '../numbers.js';

test('A program is printed with its types, attributes, constants, outputs and the state that changes', t => {
  const folder = mkdtempSync(join(tmpdir(), 'gala-print-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const step: Program = {
    inputs: { x: { dtype: 'float32', shape: [2, 10] } },
    apply: ({ w }, { x }) => ({
      state: { w: tf.add(w!, tf.sum(x!, 0)) },
      outputs: { y: tf.mul(x!, tf.tensor1d([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])) },
    }),
  };
  writePrograms(
    folder,
    {
      state: { w: float32([10], new Array(10).fill(0)), still: float32([], [1]) },
      programs: { step },
    },
    'fp32',
  );
  assert.equal(
    readFileSync(join(folder, 'step.txt'), 'utf8'),
    `%0 = Input() {name: "x"} : float32[2, 10]
%1 = Constant() {values: "0 1 2 3 4 5 6 7 …"} : float32[10]
%2 = Multiply(%0, %1) : float32[2, 10]
%3 = State() {name: "w"} : float32[10]
%4 = Sum(%0) {axes: [0], keepDims: false} : float32[10]
%5 = Add(%3, %4) : float32[10]
output y = %2
state w = %5
`,
  );
});

test('A program in bf16 is printed as an engine compiles it', t => {
  const folder = mkdtempSync(join(tmpdir(), 'gala-print-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [images, filter] = [
    { dtype: 'float32', shape: [1, 4, 4, 2] },
    { dtype: 'float32', shape: [3, 3, 2, 2] },
  ] as const;
  const step: Program = {
    inputs: { images, filter },
    apply: (_, given) => ({
      state: {},
      outputs: { y: tf.conv2d(given.images as tf.Tensor4D, given.filter as tf.Tensor4D, 1, 'same') },
    }),
  };
  const printed = (precision: 'fp32' | 'bf16') => {
    writePrograms(folder, { state: {}, programs: { step } }, precision);
    return /Conv2D.* : (\w+)/.exec(readFileSync(join(folder, 'step.txt'), 'utf8'))![1];
  };
  assert.deepEqual([printed('fp32'), printed('bf16')], ['float32', 'bfloat16']);
});
