// Processor time of what grows with logits, weights, images and files: node scripts/bench-scale.mjs [TREE…], each a built checkout
// (default: this one). They are measured in turns, ROUNDS (3) times, and the least is printed, for other work on the machine only adds.
// GALA_DATA names the folder of CIFAR-100, which is left out without.
import { execFileSync } from 'node:child_process';
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const script = fileURLToPath(import.meta.url);
if (process.argv[2] === '--measure') await measureTree(process.argv[3], process.argv[4]);
else await compareTrees(process.argv.length > 2 ? process.argv.slice(2) : [resolve(script, '../..')]);

async function compareTrees(trees) {
  const folder = mkdtempSync(join(tmpdir(), 'gala-bench-scale-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const least = new Map();
  for (let round = 0; round < Number(process.env.ROUNDS ?? 3); round++) {
    for (const [t, tree] of trees.entries()) {
      const command = [script, '--measure', resolve(tree), mkdtempSync(join(folder, 'measured-'))];
      const figures = JSON.parse(execFileSync(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] }));
      for (const [name, value] of Object.entries(figures)) {
        const values = least.get(name) ?? trees.map(() => Infinity);
        values[t] = Math.min(values[t], value);
        least.set(name, values);
      }
    }
  }
  console.log(`| CPU time of | ${trees.join(' | ')} |\n|---|${'---:|'.repeat(trees.length)}`);
  for (const [name, values] of least) console.log(`| ${name} | ${values.map(v => v.toPrecision(3)).join(' | ')} |`);
}

/** Prints the figures of one tree as JSON. */
async function measureTree(tree, folder) {
  const load = path => import(pathToFileURL(join(tree, 'dist/src', path)).href);
  const figures = {};
  const { randomFor } = await load('random.js');
  const { summarize } = await load('eval/summary.js');
  for (const [images, classes] of [
    [10_000, 100],
    [10_000, 1000],
    [2000, 8142],
  ]) {
    const evaluation = exampleEvaluation(randomFor('bench', images, classes), images, classes);
    for (let warm = 0; warm < 3; warm++) summarize(evaluation, [1]);
    const seconds = await cpuSeconds(1, () => summarize(evaluation, [1]));
    figures[`summarize, ${images} × ${classes} logits, ns a logit`] = (seconds * 1e9) / (images * classes);
  }
  const { createBackbone } = await load('models/index.js');
  for (const backbone of ['resnet32', 'resnet50', 'resnet152'])
    figures[`initial weights, ${backbone}, s`] = await cpuSeconds(1, () => createBackbone({ backbone }, 3).init(0));

  const [{ readRgb }, { inspectImage }] = [
    await load('data/images/decode.js'),
    await load('data/verify/inspectImage.js'),
  ];
  for (const [width, height, count] of [
    [40, 40, 1000],
    [380, 285, 200],
    [500, 375, 200],
  ]) {
    const path = await jpegFile(randomFor('jpeg', width, height), folder, width, height);
    for (const [what, call] of Object.entries({ decoding: readRgb, 'deep check': inspectImage })) {
      await cpuSeconds(count / 4, () => call(path));
      figures[`${what}, ${width} × ${height} JPEG, ms`] = 1000 * (await cpuSeconds(count, () => call(path)));
    }
  }
  const { verifyImages } = await load('data/verify/verifyImages.js');
  for (const count of [4000, 20_000]) {
    const files = await linkedImages(load, folder, count);
    const options = { missing: new Int32Array(0), environment: { GALA_CACHE: join(folder, 'cache') } };
    await verifyImages(files, options);
    const seconds = await cpuSeconds(1, () => verifyImages(files, options));
    figures[`checked images remembered, ${count} files, µs a file`] = (seconds * 1e6) / count;
  }
  if (process.env.GALA_DATA) {
    const { openCifar } = await load('data/cifar.js');
    figures['CIFAR-100 opened, s'] = await cpuSeconds(1, () => openCifar('cifar100', process.env.GALA_DATA));
  }
  console.log(JSON.stringify(figures));
}

/** Mean processor time of `count` calls, all threads. */
async function cpuSeconds(count, call) {
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) await call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / count;
}

function exampleEvaluation(random, images, classes) {
  const labels = Int32Array.from({ length: images }, () => random.integer(classes));
  const logits = new Float32Array(images * classes);
  for (let k = 0; k < logits.length; k++) logits[k] = 6 * (random.uniform() + random.uniform() - 1);
  for (const [i, label] of labels.entries()) logits[i * classes + label] += 3;
  const classCounts = Int32Array.from({ length: classes }, (_, j) => 1 + Math.round(500 * 0.01 ** (j / classes)));
  return { split: 'test', run: 'bench', checkpoint: 'last', logits, labels, classCounts, classNames: [] };
}

/** Smooth colours under noise. */
async function jpegFile(random, folder, width, height) {
  const { default: sharp } = await import('sharp');
  const pixels = Uint8ClampedArray.from({ length: 3 * width * height }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return 128 + 60 * Math.sin(x / 17 + (i % 3)) + 40 * Math.cos(y / 23) + 12 * random.normal();
  });
  const path = join(folder, `${width}x${height}.jpg`);
  writeFileSync(
    path,
    await sharp(pixels, { raw: { width, height, channels: 3 } })
      .jpeg({ quality: 92 })
      .toBuffer(),
  );
  return path;
}

/** `count` names of the 40 × 40 image, 400 in a folder, as a split. */
async function linkedImages(load, folder, count) {
  const { imageFiles } = await load('data/imageFiles.js');
  const { sharedBytes, sharedInt32 } = await load('data/sharedDataset.js');
  const inFolder = 400;
  const folders = Array.from({ length: count / inFolder }, (_, f) => join(folder, `images-${count}`, `class-${f}`));
  const names = Array.from({ length: inFolder }, (_, i) => `${String(i).padStart(12, '0')}.jpg`);
  for (const path of folders) {
    mkdirSync(path, { recursive: true });
    copyFileSync(join(folder, '40x40.jpg'), join(path, names[0]));
    for (const name of names.slice(1)) linkSync(join(path, names[0]), join(path, name));
  }
  const nameBytes = sharedBytes(Buffer.byteLength(names[0]) * inFolder);
  nameBytes.set(Buffer.from(names.join('')));
  const [labels, folderOf, nameStarts] = [sharedInt32(count), sharedInt32(count), sharedInt32(count)];
  for (let i = 0; i < count; i++) {
    folderOf[i] = Math.floor(i / inFolder);
    nameStarts[i] = (i % inFolder) * names[0].length;
  }
  const nameLengths = sharedBytes(count).fill(names[0].length);
  const table = { folders, folderOf, nameBytes, nameStarts, nameLengths };
  return imageFiles({ name: 'bench', classNames: ['a'], labels, fingerprint: String(count), table });
}
