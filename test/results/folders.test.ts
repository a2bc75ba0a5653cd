/** Records of runs that named files: lists of images, and weights to begin with. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import { withoutFolders } from '../../src/config/withoutFolders.js';
import { openDatasets } from '../../src/data/index.js';
import { readExpected } from '../../src/results/expected.js';
import { addResult, labelsHash } from '../../src/results/fromRun.js';
import { groupResults } from '../../src/results/groups.js';
import { type ResultRecord, readResult } from '../../src/results/record.js';
import { readRuns } from '../../src/results/tableOfRuns.js';
import { writeGeneratedFiles } from '../../src/results/tables.js';
import { verifyTable } from '../../src/results/verify.js';
import { createRecord } from '../../src/run/record.js';
import { exampleRecord, finishRun } from '../run/example.js';
import { makeRunFolder } from '../run/makeRunFolder.js';
import { temporaryFolder } from '../temporaryFolder.js';

const temporary = temporaryFolder();
const weightsHash = 'a'.repeat(64);

function write(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

/** A config `listed/gala` whose files lie in `folder`. */
function configWith(at: string, folder: string): string {
  const text = `
name: listed/gala
data: {dataset: image_list, train_list: ${folder}/train.txt, test_list: ${folder}/test.txt}
model: {backbone: resnet10, weights: ${folder}/backbone.pth, weights_part: backbone}
loss: {name: gala}
optim: {learning_rate: 0.1, warmup_learning_rate: 0.05}
train: {epochs: 5}
eval: {select_on: last}
`;
  return write(join(temporary, at), text);
}

function list(counts: readonly number[]): string {
  return counts
    .flatMap((count, label) => Array.from({ length: count }, (_, i) => `class${label}/${i}.jpg ${label}\n`))
    .join('');
}

/** The files of a machine, a finished run made with them, and its record. */
async function recorded(folder: string, counts: readonly number[] = [30, 10, 5]) {
  const data = join(temporary, folder);
  write(join(data, 'lists/train.txt'), list(counts));
  write(join(data, 'lists/test.txt'), list([4, 4, 4]));
  const { config } = loadConfig(configWith(`${folder}.yaml`, join(data, 'lists')));
  const { test, counts: classCounts, subsetHash, trainFull } = await openDatasets(config.data, { dataRoot: data });
  const labels = Int32Array.from({ length: test.length }, (_, i) => test.label(i));
  const run = makeRunFolder({ output: join(temporary, 'runs'), name: config.name, seed: 0 });
  createRecord(run.record, {
    config,
    splits: {
      train: { images: 45, fingerprint: trainFull.fingerprint, index_hash: subsetHash, class_counts: [...classCounts] },
      test: { images: test.length, fingerprint: test.fingerprint },
    },
    engine: exampleRecord('x').engine,
    weights: {
      ...{ file: join(data, 'lists/backbone.pth'), format: 'pytorch', sha256: weightsHash },
      ...{ part: 'backbone', drawn: [], unused: [] },
    },
  });
  const evaluation = {
    logits: Float32Array.from({ length: 3 * test.length }, (_, k) => (k * 7) % 5),
    labels,
    indices: Int32Array.from(labels.keys()),
    classCounts,
    classNames: test.classNames,
    ...{ run: config.name, split: 'test', checkpoint: 'last', epoch: 5, selected_on: 'last' },
  };
  finishRun(run, [evaluation], { epoch: 5 });
  const results = join(data, 'results');
  const path = addResult(results, run.directory);
  const labelsLine = `  labels_sha256: ${labelsHash(labels, 3)}\n`;
  return { data, results, path, run: run.directory, labelsLine };
}

test('A record keeps the names of lists and weights, not their folders, and the sha256 of the weights', async () => {
  const { path } = await recorded('one');
  const text = readFileSync(path, 'utf8');
  assert.ok(!text.includes(temporary), text);
  const { config, weights } = readResult(path).record;
  const { train_list, test_list } = config.data as Record<string, string>;
  assert.deepEqual([train_list, test_list], ['train.txt', 'test.txt']);
  assert.equal((config.model as Record<string, string>).weights, 'backbone.pth');
  assert.deepEqual(weights, { file: 'backbone.pth', sha256: weightsHash });
});

test(
  'Such a record is that of a row whose files lie elsewhere, and is counted again with the lists of the ' + 'row',
  async () => {
    const { results, data, path, labelsLine } = await recorded('two');
    const row = configWith('row.yaml', 'lists');
    const expected = write(
      join(temporary, 'expected.yaml'),
      `listed:\n${labelsLine}  rows: { gala: ${row} }\n  claims: []\n`,
    );
    writeGeneratedFiles(results, 'listed');
    const request = { table: readExpected('listed', expected), results, dataRoot: data };
    const { faults, recounted, recordsOf } = await verifyTable(request);
    assert.deepEqual([faults, recounted, recordsOf('gala').length], [[], 1, 1]);

    const other = write(row.replace('row', 'other'), readFileSync(row, 'utf8').replace('backbone.pth', 'other.pth'));
    writeFileSync(expected, readFileSync(expected, 'utf8').replace(row, other));
    const found = await verifyTable({ ...request, table: readExpected('listed', expected) });
    assert.match(found.faults.join(), /not the experiment of row gala: model\.weights: "other\.pth" → "backbone\.pth"/);

    // Records that are older than this have the paths; they are the same experiment.
    const record = JSON.parse(readFileSync(path, 'utf8')) as ResultRecord;
    (record.config.data as Record<string, string>).train_list = '/elsewhere/train.txt';
    writeFileSync(path, JSON.stringify(record));
    writeFileSync(expected, readFileSync(expected, 'utf8').replace(other, row));
    assert.deepEqual((await verifyTable({ ...request, table: readExpected('listed', expected) })).faults, []);
  },
);

test('A record of no row whose lists are not found counts as one without labels', async () => {
  const { results, data, labelsLine } = await recorded('three');
  const expected = write(join(temporary, 'none.yaml'), `listed:\n${labelsLine}  rows: {}\n  claims: []\n`);
  writeGeneratedFiles(results, 'listed');
  const table = readExpected('listed', expected);
  const { faults, recounted, unlabelled } = await verifyTable({ table, results, dataRoot: data });
  assert.deepEqual([faults, recounted, unlabelled], [[], 0, 1]);
});

test('Weights of one name and another sha256 are another experiment', async () => {
  const { record } = readResult((await recorded('four')).path);
  const other = { ...record, weights: { file: 'backbone.pth', sha256: 'b'.repeat(64) } };
  assert.deepEqual(
    groupResults([record, other]).map(({ label }) => label),
    ['listed/gala (sha256 of the weights=aaaaaaaa)', 'listed/gala (sha256 of the weights=bbbbbbbb)'],
  );
});

test('A table of run folders tells lists of one name in two folders apart', async () => {
  const runs = [await recorded('five'), await recorded('six', [20, 20, 5])];
  assert.equal(readRuns(runs.map(({ run }) => run)).groups.length, 2);
});

test('Both stages lose their folders, and nothing else', () => {
  const { config } = loadConfig('places_lt/gala_resnet152', {
    set: ['model.weights=/models/a/backbone.pth', 'data.train_list=lists/train.txt', 'data.root=/data'],
  });
  const first = config.stages!.representation;
  assert.equal(first.model.weights, '/models/a/backbone.pth');
  const reduced = withoutFolders(config);
  const { root: _, ...data } = config.data;
  const { root: __, ...firstData } = first.data;
  assert.deepEqual(reduced, {
    ...config,
    data: { ...data, train_list: 'train.txt' },
    stages: {
      representation: {
        ...first,
        data: { ...firstData, train_list: 'train.txt' },
        model: { ...first.model, weights: 'backbone.pth' },
      },
    },
  });
});
