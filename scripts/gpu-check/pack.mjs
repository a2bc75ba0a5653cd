// Fills two folders with the files that scripts/gpu-check.sh needs on a machine without Node and network, each small
// enough for one call: pack.mjs FIRST REST PEER. REST has the images of CIFAR100-LT.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { loadConfig } from '../../dist/src/config/load.js';
import { openCifar } from '../../dist/src/data/cifar/cifar.js';
import { longTailedIndices } from '../../dist/src/data/longTail.js';
import { cifar100 } from '../../dist/src/data/sets/cifar100.js';
import { recordSteps, sizes } from './steps.mjs';

const [stage, rest, peer] = process.argv.slice(2);
const root = resolve(import.meta.dirname, '../..');
const gala = join(stage, 'gala');

copyFileSync(process.execPath, join(stage, 'node'));
for (const path of ['bin', 'dist', 'configs', 'datasets', 'package.json', 'scripts/gpu-check', 'scripts/median.mjs']) {
  cpSync(join(root, path), join(gala, path), {
    recursive: true,
    filter: source => !/\.(map|tsbuildinfo)$/.test(source),
  });
}
for (const folder of packages()) copyPackage(folder);
if (existsSync(peer)) copyFileSync(peer, join(stage, 'torch_gala.py'));
else console.error(`There is no peer at ${peer}: its speed will be missing.`);
packData(process.env.GALA_DATA, join(rest, 'cifar-100-binary'));
for (const [name, size] of Object.entries(sizes)) {
  const onCpu = activation => recordSteps({ engine: 'tensorflow', threads: 2 }, 'fp32', activation, size);
  writeJson(`cpu-steps-${name}.json`, { relu: await onCpu('relu'), softplus: await onCpu('softplus') });
}
writeJson('cpu-run.json', lastEpochOf('cifar100_lt', 'gala_if100'));
writeJson('cpu-look.json', lastEpochOf('fashion_mnist_lt', 'gala'));

function writeJson(name, value) {
  writeFileSync(join(stage, name), JSON.stringify(value));
}

/** Top-1 after the last epoch of the recorded run on a CPU, plain and re-balanced with the config's τ. */
function lastEpochOf(table, name) {
  const config = `${table}/${name}`;
  const [header, ...rows] = readFileSync(join(root, `results/${table}.csv`), 'utf8')
    .trim()
    .split('\n')
    .map(line => line.split(','));
  const last = rows
    .map(row => Object.fromEntries(header.map((name, i) => [name, row[i]])))
    .filter(row => row.config === config && row.seed === '0' && row.checkpoint === 'last');
  return {
    plain: Number(last.find(row => row.predictions === 'plain').top1),
    rebalanced: Number(last.find(row => row.predictions === 're-balanced').top1),
  };
}

/** Folders of the packages that gala needs at run time. */
function packages() {
  const listed = execFileSync('npm', ['ls', '--omit=dev', '--omit=optional', '--all', '--parseable'], {
    cwd: root,
    encoding: 'utf8',
  });
  const native = ['@koromix/koffi-linux-x64', '@img/sharp-linux-x64', '@img/sharp-libvips-linux-x64'];
  const folders = [...listed.trim().split('\n').slice(1), ...native.map(name => join(root, 'node_modules', name))];
  return [...new Set(folders)].filter(folder => existsSync(folder) && !folder.includes('tfjs-node'));
}

/** Copies the files of a package that Node loads; of TF.js' many bundles only the one for Node. */
function copyPackage(folder) {
  const isTensorFlowJs = folder.includes('node_modules/@tensorflow/');
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const inner = relative(folder, path);
    if (!entry.isFile() || inner.includes('node_modules/')) continue;
    const needed = isTensorFlowJs
      ? inner === 'package.json' || /^dist\/[^/]*\.node\.js$/.test(inner)
      : /\.(js|cjs|mjs|json|node|wasm)$|\.so(\.[\d.]+)*$/.test(inner) && !/(^|\/)(test|tests)\//.test(inner);
    if (!needed) continue;
    const target = join(gala, relative(root, path));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(path, target);
  }
}

/** Writes CIFAR-100 in its own layout. Images that the config does not train on are black, so they compress well. */
function packData(from, to) {
  const { config } = loadConfig('cifar100_lt/gala_if100');
  const { train } = openCifar(cifar100, from);
  const kept = new Set(longTailedIndices(train, config.data.imbalance_factor, config.data.subset_seed));
  mkdirSync(to, { recursive: true });
  const folder = existsSync(join(from, 'train.bin')) ? from : join(from, 'cifar-100-binary');
  const record = 2 + 3072;
  for (const file of readdirSync(folder)) {
    const path = join(folder, file);
    if (!statSync(path).isFile()) continue;
    const bytes = readFileSync(path);
    if (file === 'train.bin')
      for (let i = 0; i < train.length; i++) if (!kept.has(i)) bytes.fill(0, i * record + 2, (i + 1) * record);
    writeFileSync(join(to, file), bytes);
  }
}
