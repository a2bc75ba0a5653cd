// Processor time of what grows with runs, tasks, logits, weights, images and files: node scripts/bench-scale.mjs
// [TREE…], each a built checkout (default: this one). They are measured in turns, ROUNDS (3) times, and the least is
// printed, for other work on the machine only adds. Growth is that of the cost of one item (a run, a logit, …) since
// the row above: 1 where the cost grows as the work. ONLY=commands or ONLY=parts measures the commands, or what they
// are made of. GALA_DATA names the folder of CIFAR-100, which is left out without.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const script = fileURLToPath(import.meta.url);
if (process.argv[2] === '--measure') await measureTree(process.argv[3], process.argv[4]);
else await compareTrees(process.argv.length > 2 ? process.argv.slice(2) : [resolve(script, '../..')]);

async function compareTrees(trees) {
  const folder = mkdtempSync(join(tmpdir(), 'gala-bench-scale-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const rows = new Map();
  for (let round = 0; round < Number(process.env.ROUNDS ?? 3); round++) {
    for (const [t, tree] of trees.entries()) {
      const place = mkdtempSync(join(folder, 'measured-'));
      const command = [script, '--measure', resolve(tree), place];
      const figures = JSON.parse(execFileSync(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] }));
      rmSync(place, { recursive: true });
      for (const figure of figures) {
        const key = `${figure.what}, ${figure.size}`;
        const row = rows.get(key) ?? { ...figure, values: trees.map(() => Infinity) };
        row.values[t] = Math.min(row.values[t], figure.value);
        rows.set(key, row);
      }
    }
  }
  console.log(`| CPU time of | size | ${trees.map(tree => `${tree} | growth`).join(' | ')} |`);
  console.log(`|---|---:|${'---:|---:|'.repeat(trees.length)}`);
  let before;
  for (const row of rows.values()) {
    const cells = row.values.map((value, t) => {
      const growth = before?.what === row.what ? costOfItem(row, t) / costOfItem(before, t) : undefined;
      return `${Number(value.toPrecision(3))} | ${growth?.toFixed(2) ?? ''}`;
    });
    console.log(`| ${row.what}, ${row.unit} | ${row.size.toLocaleString('en')} | ${cells.join(' | ')} |`);
    before = row;
  }
}

function costOfItem({ values, size, isOfItem }, tree) {
  return isOfItem ? values[tree] : values[tree] / size;
}

/** Prints the figures of one tree as JSON. */
async function measureTree(tree, folder) {
  const figures = [];
  const add = (what, size, unit, value) => figures.push({ what, size, unit, value, isOfItem: unit.includes(' a') });
  if (process.env.ONLY !== 'parts') await measureCommands(tree, folder, add);
  if (process.env.ONLY !== 'commands') await measureParts(tree, folder, add);
  console.log(JSON.stringify(figures));
}

/** Whole commands, their start included. */
async function measureCommands(tree, folder, add) {
  const gala = (...args) => secondsOfCommand([join(tree, 'bin/gala.mjs'), ...args], folder);
  add('gala --help', 1, 's', gala('--help'));
  add('gala config list', 1, 's', gala('config', 'list'));
  const lambdas = count => `loss.lambda1=${Array.from({ length: count }, (_, i) => 0.5 + i / 1000).join()}`;
  const rates = count => `optim.learning_rate=${Array.from({ length: count }, (_, i) => 0.01 + i / 1e5).join()}`;
  const plan = (config, set) => gala('sweep', '--config', config, '--set', set, '--no-estimate', '--dry-run');
  for (const count of [100, 1000])
    add('sweep --dry-run, points of ResNet-32', count, 's', plan('cifar100_lt/gala_if100', lambdas(count)));
  add('sweep --dry-run, points of ResNet-50', 10, 's', plan('imagenet_lt/mixup_resnet50', rates(10)));
  const counts = [100, 1000, 5000];
  const sweeps = new Map();
  for (const count of counts) sweeps.set(count, await finishedSweep(tree, join(folder, `runs-${count}`), { count }));
  const runsOf = count => ['--runs', sweeps.get(count)];
  for (const count of counts)
    add('sweep status, tasks', count, 's', gala('sweep', 'status', 'scale', ...runsOf(count)));
  for (const count of counts) add('runs list, runs', count, 's', gala('runs', 'list', ...runsOf(count)));
  const table = count => gala('table', join(sweeps.get(count), 'fashion_mnist_lt'));
  for (const count of counts) add('table, runs, for the first time', count, 's', table(count));
  for (const count of counts) add('table, runs, again', count, 's', table(count));
  await measureLogits(tree, folder, add, gala);
}

/** Commands that need logits: of runs of eight configs, and of one file. */
async function measureLogits(tree, folder, add, gala) {
  const sizes = [10, 50].map(runs => ({ runs, page: join(folder, `report-${runs}.html`) }));
  for (const { runs, page } of sizes) {
    const place = await finishedSweep(tree, join(folder, `reported-${runs}`), {
      count: 8,
      runs,
      images: 10_000,
      classes: 100,
    });
    add('report, runs of eight configs', runs, 's', gala('report', 'scale', '--runs', place, '--output', page));
  }
  for (const { runs, page } of sizes) add('page of the report, runs', runs, 'MB', statSync(page).size / 1e6);
  const { writeLogitsFile } = await loaderOf(tree)('eval/logitsFile.js');
  for (const classes of [100, 1000]) {
    const path = join(folder, `${classes}.safetensors`);
    writeLogitsFile(path, await exampleEvaluation(tree, 10_000, classes));
    const files = join(folder, `evaluated-${classes}`);
    add('eval --logits, 10,000 images, classes', classes, 's', gala('eval', '--logits', path, '--output', files));
  }
}

/** User and system time of a command and its children. */
function secondsOfCommand(words, folder) {
  const messages = join(folder, 'stderr');
  const timed = ['-c', 'TIMEFORMAT="%U %S"; time "$@" >/dev/null 2>stderr', 'bash', process.execPath, ...words];
  const env = { ...process.env, GALA_CACHE: join(folder, 'cache') };
  const { status, stderr } = spawnSync('bash', timed, { cwd: folder, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`exit code ${status}: ${words.join(' ')}\n${readFileSync(messages, 'utf8')}`);
  return stderr
    .trim()
    .split(' ')
    .reduce((sum, part) => sum + Number(part), 0);
}

/**
 * A sweep `scale` of `count` configs and `runs` finished runs, which share their logits and curves; returns the folder
 * of runs.
 */
async function finishedSweep(tree, output, { count, runs = count, images = 200, classes = 10 }) {
  const load = loaderOf(tree);
  const { expandPoints } = await load('sweep/points.js');
  const { draftSweep } = await load('sweep/manifest.js');
  const config = 'fashion_mnist_lt/gala';
  const grid = new Map([['loss.lambda1', Array.from({ length: count }, (_, i) => String(0.5 + i / 1000))]]);
  const set = new Map(Object.entries({ 'eval.select_on': 'test', 'train.epochs': '200' }));
  const seeds = Array.from({ length: Math.ceil(runs / count) }, (_, seed) => seed);
  const { points: all } = expandPoints({ config, set, grid, list: [], exclude: [], seeds });
  const bySeed = [...all].sort((a, b) => a.loaded.config.seed - b.loaded.config.seed);
  const points = bySeed.slice(0, runs);
  const sweep = draftSweep({ name: 'scale', output, launcher: { name: 'local', slots: 1 }, points });
  mkdirSync(join(sweep.directory, 'exits'), { recursive: true });
  writeFileSync(join(sweep.directory, 'sweep.json'), JSON.stringify(sweep.manifest));
  const template = await finishedRun(tree, join(output, 'template'), points[0].loaded.config, images, classes);
  const record = JSON.parse(readFileSync(join(template, 'run.json'), 'utf8'));
  const files = [
    'metrics.jsonl',
    'gradients.jsonl',
    ...readdirSync(join(template, 'logits')).map(name => `logits/${name}`),
  ];
  for (const [i, { loaded, hash }] of points.entries()) {
    const { name, seed, data } = loaded.config;
    const directory = join(output, name, `20260101-${String(i).padStart(6, '0')}-0`);
    mkdirSync(join(directory, 'logits'), { recursive: true });
    for (const file of files) linkSync(join(template, file), join(directory, file));
    const own = { config: loaded.config, config_hash: hash, seeds: { run: seed, subset: data.subset_seed } };
    writeFileSync(join(directory, 'run.json'), JSON.stringify({ ...record, ...own }));
  }
  rmSync(template, { recursive: true });
  return output;
}

/** A run folder as at the end of a training. */
async function finishedRun(tree, directory, config, images, classes) {
  const load = loaderOf(tree);
  const { createRecord, updateRecord } = await load('run/record.js');
  const { writeLogitsFile } = await load('eval/logitsFile.js');
  const evaluation = await exampleEvaluation(tree, images, classes);
  const { epochs } = config.train;
  const { select_on } = config.eval;
  mkdirSync(join(directory, 'logits'), { recursive: true });
  const checkpoints = select_on === 'last' ? ['last'] : ['best', 'last'];
  const evaluations = checkpoints.map(checkpoint => {
    const selected_on = checkpoint === 'best' ? select_on : 'last';
    const own = { ...evaluation, run: config.name, epoch: epochs, selected_on, checkpoint };
    writeLogitsFile(join(directory, 'logits', `test-${checkpoint}.safetensors`), own);
    return own;
  });
  const epochsOf = lineOf => Array.from({ length: epochs }, (_, i) => `${JSON.stringify(lineOf(i + 1))}\n`).join('');
  const metrics = epochsOf(epoch => curvePoint(epoch / epochs, epoch));
  writeFileSync(join(directory, 'metrics.jsonl'), metrics);
  const counts = [...evaluation.classCounts];
  const gradients = epochsOf(epoch => ({
    epoch,
    positive: counts.map(count => epoch * count),
    negative: counts.map((count, klass) => epoch * (count + klass)),
  }));
  writeFileSync(join(directory, 'gradients.jsonl'), gradients);
  const record = join(directory, 'run.json');
  createRecord(record, {
    config,
    splits: {
      train: { images: 100, fingerprint: 'a', index_hash: 'b', class_counts: counts },
      test: { images, fingerprint: 'c' },
    },
    engine: { engine: 'tensorflow', version: '2', precision: 'fp32', threads: 1, device: 'cpu' },
  });
  const scores = await scoresOf(load, evaluations, join(directory, 'metrics.jsonl'), config);
  updateRecord(record, { status: 'finished', epoch: epochs, training_seconds: 1, ...scores });
  return directory;
}

/** What training stores of its scores; in a tree from before run.json had all of them, the rows alone. */
async function scoresOf(load, evaluations, metrics, config) {
  const { tau } = config.eval;
  const { summarize, summarizeCheckpoints } = await load('eval/summary.js');
  if (summarizeCheckpoints === undefined) {
    const { resultRows } = await load('eval/resultRow.js');
    return { results: evaluations.flatMap(one => resultRows(one, summarize(one, [tau]), 'config')) };
  }
  const { runScores } = await load('run/storedScores.js');
  const { readMetrics } = await load('run/metricsLog.js');
  return runScores(summarizeCheckpoints(evaluations, tau), readMetrics(metrics).lines, config);
}

function curvePoint(share, epoch) {
  const scores = ['top1', 'many', 'medium', 'few'].flatMap(key => [`test_${key}`, `test_${key}_rebalanced`]);
  const learned = 60 * (1 - Math.exp(-4 * share)) + Math.sin(9 * epoch);
  return { epoch, loss: 4 / (1 + 9 * share), ...Object.fromEntries(scores.map((key, k) => [key, learned + k])) };
}

function loaderOf(tree) {
  return path => import(pathToFileURL(join(tree, 'dist/src', path)).href);
}

async function measureParts(tree, folder, add) {
  const load = loaderOf(tree);
  const { randomFor } = await load('random.js');
  const { summarize } = await load('eval/summary.js');
  for (const [images, classes] of [
    [10_000, 100],
    [10_000, 1000],
    [2000, 8142],
  ]) {
    const evaluation = await exampleEvaluation(tree, images, classes);
    for (let warm = 0; warm < 3; warm++) summarize(evaluation, [1]);
    const seconds = await cpuSeconds(5, () => summarize(evaluation, [1]));
    const size = images * classes;
    add(`summarize, logits of at most ${classes} classes`, size, 'ns a logit', (seconds * 1e9) / size);
  }
  const { createBackbone } = await load('models/index.js');
  for (const backbone of ['resnet32', 'resnet50', 'resnet152']) {
    let size;
    const draw = () => {
      const { parameters } = createBackbone({ backbone }, 3).init(0);
      // Values are drawn when the first of them is read.
      size = Object.values(parameters).reduce(
        (sum, { data }) => sum + (data.at(-1) === undefined ? 0 : data.length),
        0,
      );
    };
    const seconds = await cpuSeconds(1, draw);
    add('initial weights', size, 's', seconds);
  }

  const [{ readRgb }, { inspectImage }] = [
    await load('data/images/decode.js'),
    await load('data/verify/inspectImage.js'),
  ];
  for (const [what, call] of Object.entries({ decoding: readRgb, 'deep check': inspectImage })) {
    for (const [width, height, count] of [
      [40, 40, 1000],
      [380, 285, 200],
      [500, 375, 200],
    ]) {
      const path = await jpegFile(randomFor('jpeg', width, height), folder, width, height);
      await cpuSeconds(count / 4, () => call(path));
      const seconds = await cpuSeconds(count, () => call(path));
      add(`${what}, pixels of a JPEG`, width * height, 'ms', 1000 * seconds);
    }
  }
  const { verifyImages } = await load('data/verify/verifyImages.js');
  for (const count of [4000, 20_000]) {
    const files = await linkedImages(load, folder, count);
    const options = { missing: new Int32Array(0), environment: { GALA_CACHE: join(folder, 'cache') } };
    await verifyImages(files, options);
    const seconds = await cpuSeconds(1, () => verifyImages(files, options));
    add('checked images remembered, files', count, 'µs a file', (seconds * 1e6) / count);
  }
  if (process.env.GALA_DATA) {
    const { openCifar } = await load('data/cifar/cifar.js');
    const { cifar100 } = await load('data/sets/cifar100.js');
    const seconds = await cpuSeconds(1, () => openCifar(cifar100, process.env.GALA_DATA));
    add('CIFAR-100 opened, images', 60_000, 's', seconds);
  }
}

/** Mean processor time of `count` calls, all threads. */
async function cpuSeconds(count, call) {
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) await call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / count;
}

async function exampleEvaluation(tree, images, classes) {
  const { randomFor } = await loaderOf(tree)('random.js');
  const random = randomFor('scale', images, classes);
  const labels = Int32Array.from({ length: images }, () => random.integer(classes));
  const logits = new Float32Array(images * classes);
  for (let k = 0; k < logits.length; k++) logits[k] = 6 * (random.uniform() + random.uniform() - 1);
  for (const [i, label] of labels.entries()) logits[i * classes + label] += 3;
  const classCounts = Int32Array.from({ length: classes }, (_, j) => 1 + Math.round(500 * 0.01 ** (j / classes)));
  const classNames = Array.from({ length: classes }, (_, j) => `class ${j}`);
  const indices = Int32Array.from(labels.keys());
  return { split: 'test', run: 'scale', checkpoint: 'last', logits, labels, indices, classCounts, classNames };
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
  const { sharedBytes, sharedInt32 } = await load('data/dataset.js');
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
