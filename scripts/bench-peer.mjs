// Runs gala's benchmark and the peer's modes in turns and prints medians and ratios. Called by bench-peer.sh.
import { execFileSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { median } from './median.mjs';

const [python, peer, rounds, steps] = process.argv.slice(2);

const gala = precision => ({
  name: `gala ${precision}`,
  precision,
  command: ['node', 'bin/gala.mjs', 'bench', 'train', '--set', `precision=${precision}`, '--steps', steps],
  infer: ['node', 'bin/gala.mjs', 'bench', 'infer', '--set', `precision=${precision}`, '--steps', steps],
});
const torch = (precision, ...flags) => ({
  name: `torch ${precision}${flags.map(flag => flag.replace('--', ' ')).join('')}`,
  precision,
  command: [
    python,
    peer,
    'bench',
    'resnet32',
    '--device',
    'cpu',
    '--steps',
    steps,
    '--warmup',
    '10',
    ...(precision === 'bf16' ? ['--amp'] : []),
    ...flags,
  ],
});
const contenders = ['fp32', 'bf16'].flatMap(precision => [
  gala(precision),
  torch(precision),
  torch(precision, '--channels-last'),
  torch(precision, '--compile'),
  torch(precision, '--channels-last', '--compile'),
]);

const figures = new Map(contenders.map(({ name }) => [name, { train: [], infer: [], endToEnd: [] }]));
for (let round = 0; round < Number(rounds); round++) {
  for (const { name, command, infer } of contenders) {
    const result = run(command);
    const figure = figures.get(name);
    figure.train.push(result.train_img_s);
    figure.infer.push(infer ? run(infer).infer_img_s : result.infer_img_s);
    if (result.end_to_end_img_s) figure.endToEnd.push(result.end_to_end_img_s);
    process.stderr.write(`round ${round + 1} ${name}: ${result.train_img_s} img/s\n`);
  }
}

console.log(
  `${cpus()[0].model}, ${cpus().length} cores, load ${loadavg()[0].toFixed(2)} at the end; ResNet-32, ` +
    `batch 64; img/s, median of ${rounds} rounds of ${steps} steps\n`,
);
console.log('| | train | train, with the data pipeline | infer |\n|---|---:|---:|---:|');
for (const [name, { train, infer, endToEnd }] of figures) {
  console.log(
    `| ${name} | ${median(train).toFixed(0)} | ${endToEnd.length ? median(endToEnd).toFixed(0) : ''} | ` +
      `${median(infer).toFixed(0)} |`,
  );
}
console.log();
for (const precision of ['fp32', 'bf16']) {
  for (const kind of ['train', 'infer']) {
    const peers = contenders.filter(({ name, precision: its }) => its === precision && name.startsWith('torch'));
    const best = peers.reduce((a, b) =>
      median(figures.get(b.name)[kind]) > median(figures.get(a.name)[kind]) ? b : a,
    );
    const ratio = median(figures.get(`gala ${precision}`)[kind]) / median(figures.get(best.name)[kind]);
    console.log(`${kind} ${precision}: gala is ${ratio.toFixed(2)}× the best of PyTorch's modes (${best.name})`);
  }
}

function run([command, ...args]) {
  return JSON.parse(
    execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .trim()
      .split('\n')
      .at(-1),
  );
}
