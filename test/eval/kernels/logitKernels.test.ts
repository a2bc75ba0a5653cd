import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { shiftedPredictions, softmaxSums } from '../../../src/eval/kernels/logitKernels.js';
import { randomFor } from '../../../src/random.js';

/** The definition, one logit after the other, with Math.exp. */
function softmaxSumsByDefinition(logits: Float32Array, classes: number, weights?: Float64Array) {
  const images = logits.length / classes;
  const predictions = new Int32Array(images);
  const sums = new Float64Array(images);
  const mass = new Float64Array(classes);
  for (let i = 0; i < images; i++) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    for (let j = 1; j < classes; j++) if (row[j]! > row[predictions[i]!]!) predictions[i] = j;
    const largest = row[predictions[i]!]!;
    for (const z of row) sums[i]! += Math.exp(z - largest);
    const scale = (weights?.[i] ?? 1) / sums[i]!;
    for (let j = 0; j < classes; j++) mass[j]! += Math.exp(row[j]! - largest) * scale;
  }
  return { predictions, sums, mass };
}

function shiftedByDefinition(logits: Float32Array, shifts: Float64Array): Int32Array {
  const classes = shifts.length;
  return Int32Array.from({ length: logits.length / classes }, (_, i) => {
    const score = (j: number) => logits[i * classes + j]! - shifts[j]!;
    let best = 0;
    for (let j = 1; j < classes; j++) if (score(j) > score(best)) best = j;
    return best;
  });
}

const classNumbers = [1, 2, 3, 4, 5, 7, 10, 100, 101, 1000, 20_000];

/** Random logits of many sizes, among them ties, both zeros and −∞, but a finite one in each row. */
function randomLogits(images: number, classes: number, spread: number): Float32Array {
  const random = randomFor('logits', classes, spread);
  return Float32Array.from({ length: images * classes }, (_, k) => {
    const kind = random.integer(40);
    if (kind === 0) return k % classes === 0 ? 0 : -Infinity;
    if (kind < 4) return [0, -0, spread][kind - 1]!;
    return spread * random.normal();
  });
}

describe('the kernels of logits give what their definition gives, to the bit', () => {
  for (const classes of classNumbers) {
    test(`${classes} classes`, () => {
      // More than one block of rows, the last one not full
      const images = Math.max(3, Math.ceil(40_000 / classes));
      const random = randomFor('weights and shifts', classes);
      const weights = Float64Array.from({ length: images }, () => random.uniform());
      const shifts = Float64Array.from({ length: classes }, () =>
        random.integer(9) === 0 ? Infinity : random.normal(),
      );
      for (const spread of [1e-9, 0.3, 5, 300, 1e37]) {
        const logits = randomLogits(images, classes, spread);
        for (const given of [undefined, weights])
          assert.deepEqual(softmaxSums(logits, classes, given), softmaxSumsByDefinition(logits, classes, given));
        assert.deepEqual(shiftedPredictions(logits, shifts), shiftedByDefinition(logits, shifts));
        const level = shifts.map(() => 1.5);
        assert.deepEqual(shiftedPredictions(logits, level), shiftedByDefinition(logits, level));
      }
    });
  }

  test('exponents at which the computation of exp changes', () => {
    // Half and one and a half ln 2, the last normal and subnormal results, 2^-28
    const turns = [-0.34657359, -1.03972077, -708.3964, -709.0895, -744.44006, -745.13322, -(2 ** -28)];
    for (const turn of turns) {
      const logits = new Float32Array(8001);
      const bits = new Int32Array(Float32Array.of(turn).buffer)[0]!;
      const steps = new Int32Array(logits.buffer);
      for (let k = 1; k < logits.length; k++) steps[k] = bits + k - 4000;
      const pairs = Float32Array.from({ length: 2 * logits.length }, (_, k) => (k % 2 === 0 ? 0 : logits[k >> 1]!));
      assert.deepEqual(softmaxSums(pairs, 2), softmaxSumsByDefinition(pairs, 2), `${turn}`);
      assert.deepEqual(softmaxSums(logits, logits.length), softmaxSumsByDefinition(logits, logits.length), `${turn}`);
    }
  });
});

test('the sum of a row is NaN where a logit is NaN or +∞, or all are −∞, wherever in the row', () => {
  for (const classes of [1, 2, 3, 4, 6, 9]) {
    for (const bad of [NaN, Infinity]) {
      for (let at = 0; at < classes; at++) {
        const logits = new Float32Array(3 * classes);
        logits[classes + at] = bad;
        assert.deepEqual([...softmaxSums(logits, classes).sums], [classes, NaN, classes]);
      }
    }
    const nothing = new Float32Array(classes).fill(-Infinity);
    assert.deepEqual([...softmaxSums(nothing, classes).sums], [NaN]);
  }
});
