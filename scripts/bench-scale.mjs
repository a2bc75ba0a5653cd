// Processor time of what grows with runs, tasks, logits, weights, images and files: node scripts/bench-scale.mjs
// [TREE…], each a built checkout (default: this one). They are measured in turns, ROUNDS (3) times, and the least is
// printed, for other work on the machine only adds. ONLY=commands or ONLY=parts measures the commands, or what they are
// made of. GALA_DATA names the folder of CIFAR-100, which is left out without.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** Reads the values of all weights, which are drawn when they are read. */
function drawn({ parameters }) {
  for (const { data } of Object.values(parameters)) data.at(-1);
}

/** Prints the figures of one tree as JSON. */
async function measureTree(tree, folder) {
  const figures = {};
  if (process.env.ONLY !== 'parts') await measureCommands(tree, folder, figures);
  if (process.env.ONLY !== 'commands') await measureParts(tree, folder, figures);
  console.log(JSON.stringify(figures));
}

/** Whole commands, their start included. */
async function measureCommands(tree, folder, figures) {
  const gala = (...args) => secondsOfCommand([join(tree, 'bin/gala.mjs'), ...args], folder);
  figures['gala --help, s'] = gala('--help');
  figures['gala config list, s'] = gala('config', 'list');
  const lambdas = count => `loss.lambda1=${Array.from({ length: count }, (_, i) => 0.5 + i / 1000).join()}`;
  const rates = count => `optim.learning_rate=${Array.from({ length: count }, (_, i) => 0.01 + i / 1e5).join()}`;
  const plan = (config, set) => gala('sweep', '--config', config, '--set', set, '--no-estimate', '--dry-run');
  for (const count of [100, 1000])
    figures[`sweep --dry-run, ResNet-32, ${count} points, s`] = plan('cifar100_lt/gala_if100', lambdas(count));
  figures['sweep --dry-run, ResNet-50, 10 points, s'] = plan('imagenet_lt/mixup_resnet50', rates(10));
  for (const count of [100, 1000]) {
    const runs = await finishedSweep(tree, join(folder, `runs-${count}`), count);
    figures[`sweep status, ${count} tasks, s`] = gala('sweep', 'status', 'scale', '--output', runs);
    figures[`table, ${count} runs, first, s`] = gala('table', join(runs, 'cifar10_lt'));
    figures[`table, ${count} runs, again, s`] = gala('table', join(runs, 'cifar10_lt'));
  }
}

/** User and system time of a command and its children. */
function secondsOfCommand(words, folder) {
  const timed = ['-c', 'TIMEFORMAT="%U %S"; time "$@" >/dev/null 2>&1', 'bash', process.execPath, ...words];
  const env = { ...process.env, GALA_CACHE: join(folder, 'cache') };
  const { status, stderr } = spawnSync('bash', timed, { cwd: folder, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`exit code ${status}: ${words.join(' ')}`);
  return stderr
    .trim()
    .split(' ')
    .reduce((sum, part) => sum + Number(part), 0);
}

/** A sweep `scale` of `count` runs that have ended, 200 test images each; returns the folder of runs. */
async function finishedSweep(tree, output, count) {
  const load = loaderOf(tree);
  const { expandPoints } = await load('sweep/points.js');
  const { draftSweep } = await load('sweep/manifest.js');
  const { createRecord, updateRecord } = await load('run/record.js');
  const { writeLogitsFile } = await load('eval/logitsFile.js');
  const { summarize } = await load('eval/summary.js');
  const { resultRows } = await load('eval/resultRow.js');
  const { randomFor } = await load('random.js');
  const grid = new Map([['loss.lambda1', Array.from({ length: count }, (_, i) => String(0.5 + i / 1000))]]);
  const { points } = expandPoints({ config: 'cifar10_lt/gala_if100', set: new Map(), grid, list: [], exclude: [] });
  const evaluation = exampleEvaluation(randomFor('scale'), 200, 10);
  const logits = { ...evaluation, indices: Int32Array.from(evaluation.labels.keys()) };
  logits.classNames = Array.from({ length: 10 }, (_, j) => String(j));
  const sweep = draftSweep({ name: 'scale', output, launcher: { name: 'local', slots: 1 }, points });
  mkdirSync(join(sweep.directory, 'exits'), { recursive: true });
  writeFileSync(join(sweep.directory, 'sweep.json'), JSON.stringify(sweep.manifest));
  const { config } = points[0].loaded;
  const { epochs } = config.train;
  const checkpoints = config.eval.select_on === 'last' ? ['last'] : ['best', 'last'];
  const about = { run: config.name, epoch: epochs, selected_on: config.eval.select_on };
  const evaluations = checkpoints.map(checkpoint => ({ ...logits, ...about, checkpoint }));
  const template = join(output, 'run.json');
  createRecord(template, {
    config,
    splits: {
      train: { images: 100, fingerprint: 'a', index_hash: 'b', class_counts: [...evaluation.classCounts] },
      test: { images: 200, fingerprint: 'c' },
    },
    engine: { engine: 'tensorflow', version: '2', precision: 'fp32', threads: 1, device: 'cpu' },
  });
  const results = evaluations.flatMap(one => resultRows(one, summarize(one, [1]), 'config'));
  updateRecord(template, { status: 'finished', epoch: epochs, training_seconds: 1, results });
  const record = JSON.parse(readFileSync(template, 'utf8'));
  for (const one of evaluations) writeLogitsFile(join(output, `test-${one.checkpoint}.safetensors`), one);
  for (const [i, { loaded, hash }] of points.entries()) {
    const directory = join(output, config.name, `20260101-${String(i).padStart(6, '0')}-0`);
    mkdirSync(join(directory, 'logits'), { recursive: true });
    for (const name of checkpoints.map(checkpoint => `test-${checkpoint}.safetensors`))
      copyFileSync(join(output, name), join(directory, 'logits', name));
    writeFileSync(join(directory, 'run.json'), JSON.stringify({ ...record, config: loaded.config, config_hash: hash }));
  }
  rmSync(template);
  return output;
}

function loaderOf(tree) {
  return path => import(pathToFileURL(join(tree, 'dist/src', path)).href);
}

async function measureParts(tree, folder, figures) {
  const load = loaderOf(tree);
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
    figures[`initial weights, ${backbone}, s`] = await cpuSeconds(1, () =>
      drawn(createBackbone({ backbone }, 3).init(0)),
    );

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
    const { openCifar } = await load('data/cifar/cifar.js');
    const { cifar100 } = await load('data/sets/cifar100.js');
    figures['CIFAR-100 opened, s'] = await cpuSeconds(1, () => openCifar(cifar100, process.env.GALA_DATA));
  }
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
  const { imageFiles } = await load('data/files/imageFiles.js');
  const { sharedBytes, sharedInt32 } = await load('data/pipeline/sharedDataset.js');
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
