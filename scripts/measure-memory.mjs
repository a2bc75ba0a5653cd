// Peak resident memory of training steps on random images, one measurement a process; prints JSON with the seconds of
// the second step. Build first. node scripts/measure-memory.mjs BACKBONE BATCH [SIZE] [fp32|bf16] [ENGINE] [CLASSES]
import { readFileSync } from 'node:fs';
import { compile } from '../dist/src/engine/index.js';
import { linearHead } from '../dist/src/models/head.js';
import { createBackbone } from '../dist/src/models/index.js';
import { sgd } from '../dist/src/optim/optimizers.js';
import { createLoss } from '../dist/src/train/learning.js';
import { initialState } from '../dist/src/train/state.js';
import { trainProgram } from '../dist/src/train/step.js';

const [backboneName, batch, size = '224', precision = 'fp32', engine = 'tensorflow', classes = '1000'] =
  process.argv.slice(2);
if (backboneName === undefined || !(Number(batch) > 0)) {
  process.stderr.write('usage: node scripts/measure-memory.mjs BACKBONE BATCH [SIZE] [fp32|bf16] [ENGINE] [CLASSES]\n');
  process.exit(2);
}

const [rows, side, count] = [batch, size, classes].map(Number);
const backbone = createBackbone({ backbone: backboneName }, 3);
const network = {
  backbone,
  head: linearHead(backbone.featureSize, count),
  imageShape: [side, side, 3],
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};
const learning = {
  loss: createLoss({ name: 'cross_entropy' }, 1),
  optimizer: sgd({ momentum: 0.9, weight_decay: 5e-4 }),
};
const executable = await compile(
  {
    state: initialState(network, learning, new Int32Array(count), 0),
    programs: { train: trainProgram(network, learning, rows) },
  },
  { engine, precision, threads: 2 },
);
const inputs = {
  images: {
    dtype: 'uint8',
    shape: [rows, side, side, 3],
    data: new Uint8Array(rows * side * side * 3).map((_, i) => i * 7),
  },
  labels: { dtype: 'int32', shape: [rows], data: Int32Array.from({ length: rows }, (_, i) => i % count) },
  learning_rate: { dtype: 'float32', shape: [], data: Float32Array.of(1e-3) },
};
let seconds = 0;
for (let step = 0; step < 2; step++) {
  const started = performance.now();
  await executable.run('train', inputs);
  seconds = (performance.now() - started) / 1000;
}
executable.dispose();
const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1000;
const result = { backbone: backboneName, batch: rows, size: side, precision, engine, peak_mb: Math.round(peak) };
process.stdout.write(`${JSON.stringify({ ...result, step_seconds: Number(seconds.toFixed(2)) })}\n`);
