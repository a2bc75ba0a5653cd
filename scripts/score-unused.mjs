// Accuracy of trained networks on the training images that their long-tailed subset leaves out: many images to choose a
// recipe by, on which nothing was trained and nothing is reported. Build first. GALA_DATA names the folder of the
// dataset. node scripts/score-unused.mjs CHECKPOINT [CHECKPOINT…]: files in RUN/checkpoints
//
// Every class has the same weight; a class of which all images are trained on has none, and is never predicted.
// Re-balancing is with several τ, and to equal masses. The last line, with several checkpoints of one subset, is the
// mean of their probabilities.
import { dirname, join } from 'node:path';
import { loadConfig } from '../dist/src/config/load.js';
import { longTailedIndices } from '../dist/src/data/longTail.js';
import { equalMassShift } from '../dist/src/eval/equalMasses.js';
import { groupNames, groupOf } from '../dist/src/eval/groups.js';
import { labelCounts } from '../dist/src/eval/metrics.js';
import { rebalanceSweep, softmaxOf } from '../dist/src/eval/rebalance.js';
import { evaluateWeights } from '../dist/src/train/evaluateRun.js';

const checkpoints = process.argv.slice(2);
if (checkpoints.length === 0) {
  process.stderr.write('usage: GALA_DATA=DIR node scripts/score-unused.mjs RUN/checkpoints/last.safetensors…\n');
  process.exit(2);
}

const taus = [0, 1, 1.5, 2];
const heads = [...taus.map(tau => `τ = ${tau}`), 'equal masses'].flatMap(head => [head, groupNames.join(' / ')]);
console.log(`| ${['network', ...heads, '−log p'].join(' | ')} |`);
console.log(`|---|${'---:|'.repeat(heads.length + 1)}`);
let sum;
let split;
for (const checkpoint of checkpoints) {
  const file = join(dirname(checkpoint), '..', 'config.yaml');
  const { imbalance_factor, subset_seed } = loadConfig(file).config.data;
  const { config } = loadConfig(file, { set: ['data.imbalance_factor=1', 'eval.select_on=last'] });
  const { logits, labels, classNames } = await evaluateWeights(config, checkpoint, 'train');
  const images = { classNames, length: labels.length, label: i => labels[i] };
  const subset = longTailedIndices(images, imbalance_factor, subset_seed);
  const trained = labelCounts(
    Int32Array.from(subset, i => labels[i]),
    classNames.length,
  );
  const unused = labelCounts(labels, classNames.length).map((count, c) => count - trained[c]);
  const weights = Float64Array.from(labels, label => 1 / unused[label]);
  for (const i of subset) weights[i] = 0; // also those of classes without unused images
  const logP = logSoftmax(
    logits.map((z, i) => (unused[i % unused.length] === 0 ? -Infinity : z)),
    unused.length,
  );
  split = { labels, weights, trained, unused };
  printRow(checkpoint, logP, split);
  sum = logP.map((value, i) => Math.exp(value) + (sum?.[i] ?? 0));
}
const { length: count } = checkpoints;
if (count > 1)
  printRow(
    `mean of ${count}`,
    sum.map(p => Math.log(p / count)),
    split,
  );

/** The logarithm of the softmax of each row of logits [N, C]. */
function logSoftmax(logits, classes) {
  const values = logits.slice();
  for (let from = 0; from < values.length; from += classes) {
    const row = values.subarray(from, from + classes);
    const highest = Math.max(...row);
    const shift = highest + Math.log(row.reduce((total, z) => total + Math.exp(z - highest), 0));
    for (let j = 0; j < classes; j++) row[j] -= shift;
  }
  return values;
}

function printRow(name, logP, { labels, weights, trained, unused }) {
  const classes = unused.length;
  const tested = [...unused.keys()].filter(c => unused[c] > 0);
  const softmax = softmaxOf(logP, classes, weights);
  const ofTaus = rebalanceSweep(logP, softmax, taus);
  const equalMasses = softmaxOf(logP, classes, weights, equalMassShift(logP, softmax, weights)).predictions;
  const cells = [...ofTaus, equalMasses].flatMap(predictions => {
    const right = new Float64Array(classes);
    for (const [i, label] of labels.entries()) if (predictions[i] === label) right[label] += weights[i];
    const mean = chosen => ((100 * chosen.reduce((total, c) => total + right[c], 0)) / chosen.length).toFixed(2);
    const group = name => mean(tested.filter(c => groupOf(trained[c]) === name));
    return [mean(tested), groupNames.map(group).join(' / ')];
  });
  let surprise = 0;
  for (const [i, label] of labels.entries()) if (weights[i] > 0) surprise -= weights[i] * logP[i * classes + label];
  console.log(`| ${[name, ...cells, (surprise / tested.length).toFixed(3)].join(' | ')} |`);
}
