/** Small evaluations for tests. */
import type { Evaluation } from '../../src/eval/logitsFile.js';
import { rebalanceSweep, softmaxOf } from '../../src/eval/rebalance.js';
import { randomFor } from '../../src/random.js';

/** Random logits that favour the true class a little. */
export function exampleEvaluation(images: number, classCounts: readonly number[], split = 'test'): Evaluation {
  const classes = classCounts.length;
  const random = randomFor('example', images, classes);
  const labels = Int32Array.from({ length: images }, () => random.integer(classes));
  const logits = Float32Array.from({ length: images * classes }, (_, k) =>
    Math.fround(random.normal() * 2 + (k % classes === labels[Math.floor(k / classes)] ? 2 : 0)),
  );
  return {
    split,
    run: 'cifar100_lt/gala_if100',
    checkpoint: 'best',
    epoch: 187,
    selected_on: 'test',
    logits,
    labels,
    indices: Int32Array.from({ length: images }, (_, i) => i),
    classCounts: Int32Array.from(classCounts),
    classNames: classCounts.map((_, klass) => `class ${klass}`),
  };
}

/** Re-balanced predictions [N] of logits [N, C] at one τ. */
export function rebalance(logits: Float32Array, classes: number, tau: number, weights?: Float64Array): Int32Array {
  return rebalanceSweep(logits, softmaxOf(logits, classes, weights), [tau])[0]!;
}
