/**
 * Asks cuDNN for a convolution in three directions on an H200, and in one on a T4, which has no bf16. A process of its
 * own, because too small a stack ends it: node askCudnn.js LIBRARY prints the answers as JSON.
 */
import { openCudnn } from '../../src/plan/cudnn.js';
import { cudnnDevice, targets } from '../../src/plan/gpus.js';

const library = process.argv[2]!;
const convolution = {
  precision: 'bf16',
  image: [64, 64, 8, 8],
  filter: [64, 64, 3, 3],
  result: [64, 64, 8, 8],
  ...{ strides: [1, 1], dilations: [1, 1] },
  padding: [
    [1, 1],
    [1, 1],
  ],
} as const;
const h200 = openCudnn(library, cudnnDevice(targets.h200));
const answers: Record<string, object> = {};
for (const direction of ['forward', 'backward input', 'backward filter'] as const) {
  answers[`h200 bf16 ${direction}`] = await h200.enginesFor({ direction, ...convolution });
}
const t4 = openCudnn(library, cudnnDevice(targets.t4));
answers['t4 bf16 forward'] = await t4.enginesFor({ direction: 'forward', ...convolution });
console.log(JSON.stringify(answers));
