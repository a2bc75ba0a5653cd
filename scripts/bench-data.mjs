// Times gala's data pipeline and a PyTorch DataLoader in turns on the same JPEG files and prints medians and ratios.
// Called by bench-data.sh.
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { median } from './median.mjs';

const [python, rounds, seconds, workers] = process.argv.slice(2);
const distinct = 120;
const links = 20; // so that an epoch is longer than a measurement
const sizes = [
  [500, 375],
  [375, 500],
  [500, 333],
  [400, 300],
];

const folder = mkdtempSync(join(tmpdir(), 'gala-bench-data-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.on('SIGINT', () => process.exit(130));
const images = join(folder, 'images');
const packed = join(folder, 'packed');
const config = join(folder, 'bench.yaml');
const bytes = await writeImages();
writeFileSync(
  config,
  `data:
  dataset: image_folder
  workers: ${workers}
  augment: [reflect_pad, random_resized_crop, horizontal_flip, color_jitter, rand_augment]
model: {backbone: resnet32}
loss: {name: cross_entropy}
optim: {learning_rate: 0.1, warmup_learning_rate: 0.1}
train: {epochs: 3, batch_size: 64}
`,
);
const gala = (...args) => ['node', 'bin/gala.mjs', ...args, '--config', config];
const bench = data => gala('bench', 'data', '--data', data, '--steps', String(10 * seconds));
const peer = (...flags) => [
  python,
  'scripts/bench_data_peer.py',
  join(images, 'train'),
  '--workers',
  workers,
  '--seconds',
  seconds,
  ...flags,
];
run(gala('data', 'pack', '--data', images, '--output', packed, '--json'));

const contenders = [
  { name: 'gala, JPEG files', command: bench(images) },
  { name: 'PyTorch, JPEG files', command: peer() },
  { name: 'PyTorch, JPEG files, without ToTensor and Normalize', command: peer('--uint8') },
  { name: 'gala, packed', command: bench(packed) },
];
const figures = new Map(contenders.map(({ name }) => [name, { rates: [], costs: [] }]));
for (let round = 0; round < Number(rounds); round++) {
  for (const { name, command } of contenders) {
    const { images_per_second, microseconds_per_image } = run(command);
    figures.get(name).rates.push(images_per_second);
    figures.get(name).costs.push(microseconds_per_image);
    process.stderr.write(
      `round ${round + 1} ${name}: ${images_per_second.toFixed(0)} img/s, ${microseconds_per_image.toFixed(0)} µs\n`,
    );
  }
}

const rates = contenders.map(({ name }) => median(figures.get(name).rates));
const costs = contenders.map(({ name }) => median(figures.get(name).costs));
const [files, torch, torchBytes, shards] = rates;
const times = (ours, theirs) => `${(ours / theirs).toFixed(2)}×`;
console.log(
  `${cpus()[0].model}, ${cpus().length} cores, load ${loadavg()[0].toFixed(2)} at the end; ${workers} ` +
    'workers; JPEG files of ' +
    `${(bytes / 1000).toFixed(0)} kB in the mean; median of ${rounds} rounds of ${seconds} s\n`,
);
console.log('| | img/s | µs of CPU an image |\n|---|---:|---:|');
for (const [i, { name }] of contenders.entries()) {
  console.log(`| ${name} | ${rates[i].toFixed(0)} | ${costs[i].toFixed(0)} |`);
}
console.log(
  `\nfrom JPEG files gala is ${times(files, torch)} PyTorch (${times(files, torchBytes)} without its ` +
    'ToTensor and Normalize), ' +
    `from a packed set ${times(shards, torch)} (${times(shards, torchBytes)}); by CPU time, which other ` +
    'work on the machine disturbs ' +
    `less: ${times(costs[1], costs[0])} (${times(costs[2], costs[0])}) and ${times(costs[1], costs[3])} ` +
    `(${times(costs[2], costs[3])})`,
);

/**
 * Noise at several scales: like a photograph it has much of the coarse and little of the fine. Returns the mean file
 * size.
 */
async function writeImages() {
  let state = 1;
  const byte = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
  let total = 0;
  for (const split of ['train', 'test'])
    for (const name of ['a', 'b']) mkdirSync(join(images, split, name), { recursive: true });
  for (let i = 0; i < distinct; i++) {
    const [width, height] = sizes[i % sizes.length];
    const pixels = new Float32Array(width * height * 3).fill(128);
    for (const [scale, share] of [
      [60, 0.6],
      [20, 0.4],
      [6, 0.25],
      [2, 0.15],
      [1, 0.06],
    ]) {
      const [w, h] = [Math.ceil(width / scale), Math.ceil(height / scale)];
      const noise = Buffer.from(Array.from({ length: w * h * 3 }, byte));
      const layer = await sharp(noise, { raw: { width: w, height: h, channels: 3 } })
        .resize(width, height, { fit: 'fill', kernel: 'cubic' })
        .raw()
        .toBuffer();
      layer.forEach((value, k) => {
        pixels[k] += share * (value - 128);
      });
    }
    const raw = { raw: { width, height, channels: 3 } };
    const jpeg = await sharp(Uint8ClampedArray.from(pixels), raw).jpeg({ quality: 92 }).toBuffer();
    total += jpeg.length;
    const [split, name] = [i < distinct - 4 ? 'train' : 'test', i % 2 === 0 ? 'a' : 'b'];
    const path = join(images, split, name, `${i}.jpg`);
    writeFileSync(path, jpeg);
    for (let copy = 1; copy < links; copy++) linkSync(path, join(images, split, name, `${i}_${copy}.jpg`));
  }
  return total / distinct;
}

function run([command, ...args]) {
  const output = execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return JSON.parse(output.trim().split('\n').at(-1));
}
