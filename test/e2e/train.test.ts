/** `gala train` from its start to its end: what it writes, what it prints, and that it repeats itself. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import { bundledFashionMnistLt, openIdxSet } from '../../src/data/fashionMnist.js';
import { readLogitsFile } from '../../src/eval/logitsFile.js';
import { percentOf } from '../../src/eval/scores.js';
import { predictionsCell } from '../../src/tables/scoreColumns.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { type Finished, gala, packageRoot } from './gala.js';
import {
  assertSameOutcome,
  checkpointOf,
  csvOf,
  differingTensors,
  filesIn,
  metricsOf,
  onlyRun,
  recordOf,
  untimed,
} from './outcome.js';
import { smallTraining, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const set = writeSmallSet(at('set'));

/** Two epochs on the whole bundled set. */
const bundledTraining = ['train', '--config', 'fashion_mnist_lt/gala', '--output', at('bundled'), '--set'].concat(
  'train.epochs=2 eval.every=1 eval.select_on=test precision=fp32 threads=1'.split(' '),
);
let finished: Finished;
let run: string;

before(async () => {
  finished = await gala(bundledTraining, 0, { cwd: temporary });
  run = onlyRun(at('bundled'));
});

test('A finished run folder holds exactly the files that docs/run-folder.md lists', () => {
  const documentation = readFileSync(join(packageRoot, 'docs/run-folder.md'), 'utf8');
  const table = documentation.split('\n\n').find(part => part.startsWith('| file |'))!;
  const cells = [...table.matchAll(/^\|([^|]*)\|/gm)].map(row => row[1]!);
  const listed = cells.flatMap(cell => [...cell.matchAll(/`([^`]+)`/g)].map(match => match[1]!));
  const files = filesIn(run);
  // `<split>` stands for any word; a lock is there only while a process works, eval/ only after `gala eval`,
  // report.html after `gala report`.
  const patterns = listed.map(name => ({
    name,
    pattern: new RegExp(`^${name.replaceAll('.', '\\.').replaceAll(/<\w+>/g, '\\w+')}$`),
  }));
  const absent = patterns.filter(({ pattern }) => !files.some(file => pattern.test(file)));
  assert.deepEqual(
    absent.map(({ name }) => name),
    listed.filter(name => /^(report\.html|eval\/|\.lock)/.test(name)),
  );
  assert.deepEqual(
    files.filter(file => !patterns.some(({ pattern }) => pattern.test(file))),
    [],
  );
  assert.ok(files.includes('logits/test-best.safetensors') && files.includes('logits/test-last.safetensors'));
});

test('run.json tells data, subset, seeds, engine, versions and results of a finished run', () => {
  const record = recordOf(run);
  assert.equal(record.status, 'finished');
  assert.equal(record.failure, undefined);
  assert.equal(record.name, 'fashion_mnist_lt/gala');
  assert.equal(record.epoch, 2);
  assert.deepEqual(record.seeds, { run: 0, subset: 0 });
  assert.equal(record.splits.train!.images, 1236);
  assert.deepEqual(record.splits.train!.class_counts, [500, 299, 179, 107, 64, 38, 23, 13, 8, 5]);
  assert.match(record.splits.train!.index_hash!, /^[0-9a-f]{64}$/);
  assert.equal(record.splits.test!.images, 2000);
  const { engine, precision, threads } = record.engine;
  assert.deepEqual({ engine, precision, threads }, { engine: 'tensorflow', precision: 'fp32', threads: 1 });
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  assert.deepEqual(record.versions, { gala: version, node: process.versions.node });
  assert.ok(record.training_seconds > 0);
  assert.ok(record.started_at <= record.updated_at && record.finished_at === record.updated_at);
  assert.deepEqual(record.resumes, []);
  assert.deepEqual(record.command.slice(1), bundledTraining);
  assert.deepEqual(loadConfig(join(run, 'config.yaml')).config, record.config);
});

test('metrics.csv is metrics.jsonl as a table, an epoch a line', () => {
  const metrics = metricsOf(run);
  assert.deepEqual(
    metrics.map(({ epoch }) => epoch),
    [1, 2],
  );
  assert.deepEqual(
    csvOf(run, 'metrics.csv').map(row =>
      Object.fromEntries(Object.entries(row).map(([key, text]) => [key, Number(text)])),
    ),
    metrics,
  );
  assert.ok(metrics[1]!.loss! < metrics[0]!.loss!, 'the loss goes down');
});

test('table.csv, table.md and the printed table show the results of run.json', () => {
  const { results } = recordOf(run);
  const shown = (percent: number | undefined) => (percent === undefined ? '' : percent.toFixed(2));
  const rows = csvOf(run, 'table.csv');
  assert.deepEqual(
    rows.map(({ checkpoint, epoch, selected_on, predictions, tau, top1, many, medium, few }) =>
      [checkpoint, epoch, selected_on, predictions, tau, top1, many, medium, few].join(),
    ),
    results.map(({ checkpoint, epoch, selected_on, tau, method, top1, many, medium, few }) =>
      [checkpoint, epoch, selected_on, predictionsCell({ tau, method }), tau ?? '', shown(top1)]
        .concat([many, medium, few].map(shown))
        .join(),
    ),
  );
  assert.deepEqual(
    rows.map(({ checkpoint, predictions }) => `${checkpoint} ${predictions}`),
    ['best', 'last'].flatMap(name => ['plain', 're-balanced', 'equal masses'].map(kind => `${name} ${kind}`)),
  );
  const markdown = readFileSync(join(run, 'table.md'), 'utf8').trimEnd().split('\n').slice(2);
  const printed = finished.stdout.trimEnd().split('\n').slice(2);
  rows.forEach((row, i) => {
    // The test images are balanced: people see no metrics that are made for unbalanced ones.
    const { balanced_accuracy, macro_f1, top5, ...shownToPeople } = row;
    assert.equal(balanced_accuracy, row.top1);
    assert.ok(Number(macro_f1) <= 100 && Number(top5) >= Number(row.top1));
    for (const cell of Object.values(shownToPeople).filter(text => text !== ''))
      assert.ok(markdown[i]!.includes(` ${cell} `));
    assert.ok(printed[i]!.includes(row.top1!) && printed[i]!.includes(row.few!));
  });
});

test('run.json has the scores of the oracle and of the best re-balanced epoch', () => {
  const { oracle, rebalanced_best, metrics } = recordOf(run);
  const [, rebalanced] = recordOf(run).results;
  assert.ok(oracle!.checkpoint === 'best' && oracle!.top1 >= rebalanced!.top1);
  assert.equal(rebalanced_best!.top1, Math.max(...metricsOf(run).map(epoch => epoch.test_top1_rebalanced!)));
  assert.ok(metrics!.includes('top5'));
});

test('predictions.csv and per_class.csv lead to the accuracies of the table', () => {
  const { test: testSet } = openIdxSet(bundledFashionMnistLt());
  const predictions = csvOf(run, 'predictions.csv');
  assert.equal(predictions.length, 2000);
  predictions.forEach(({ index, label }, i) => {
    assert.equal(index, String(i));
    assert.equal(label, String(testSet.label(i)));
  });
  const { logits, classCounts } = readLogitsFile(join(run, 'logits/test-best.safetensors'));
  const classes = classCounts.length;
  predictions.forEach(({ predicted }, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    assert.equal(Number(predicted), row.indexOf(Math.max(...row)));
  });
  const share = (column: 'predicted' | 'predicted_rebalanced') =>
    predictions.filter(row => row[column] === row.label).length / predictions.length;
  const [plain, rebalanced] = recordOf(run).results;
  assert.equal(percentOf(share('predicted')), plain!.top1);
  assert.equal(percentOf(share('predicted_rebalanced')), rebalanced!.top1);

  const perClass = csvOf(run, 'per_class.csv');
  assert.deepEqual(
    perClass.map(({ training_images }) => Number(training_images)),
    recordOf(run).splits.train!.class_counts,
  );
  for (const group of ['many', 'medium', 'few'] as const) {
    const accuracies = perClass.filter(row => row.group === group).map(row => Number(row.accuracy));
    const mean = accuracies.reduce((sum, accuracy) => sum + accuracy, 0) / accuracies.length;
    assert.ok(Math.abs(mean - plain![group]!) < 0.01, `${group}: ${mean} and ${plain![group]}`);
  }
});

test('The best checkpoint is of the epoch with the highest test top-1, the last one of the last epoch', () => {
  const top1 = metricsOf(run).map(metrics => metrics.test_top1!);
  const best = top1.indexOf(Math.max(...top1)) + 1;
  const [bestRow, , , lastRow] = recordOf(run).results;
  assert.equal(bestRow!.epoch, best);
  assert.equal(checkpointOf(run, 'best').position.epoch, best + 1);
  assert.equal(lastRow!.epoch, 2);
  assert.equal(checkpointOf(run, 'last').position.epoch, 3);
  assert.equal(lastRow!.top1.toFixed(4), top1[1]!.toFixed(4));
});

test('Where stderr is no terminal, progress is plain lines', () => {
  const { stderr } = finished;
  assert.match(
    stderr,
    /^fashion_mnist_lt\/gala, seed 0: 1236 images of 10 classes \(500 … 5\)\nresnet20, 2 epochs of 38 steps; tensorflow [\d.]+, fp32, 1 thread on cpu$/m,
  );
  assert.match(
    stderr,
    /^epoch 1\/2 {2}\d+ s {2}loss [\d.]+ {2}lr 0.0500\n {2}test [\d.]+ \([\d.]+\/[\d.]+\/[\d.]+\); re-balanced [\d.]+$/m,
  );
  assert.match(stderr, /^epoch 2\/2 /m);
  assert.match(stderr, /^Run folder: bundled\/fashion_mnist_lt\/gala\//m);
  assert.ok(!stderr.includes('\r') && !stderr.includes('\u001b'));
});

test('On a small set: equal configs and seeds give equal bits, whatever the number of worker threads', async t => {
  const small = (name: string, overrides: readonly string[], flags: readonly string[]) =>
    gala([...smallTraining(set, at(name), ['train.epochs=2', ...overrides]), ...flags], 0, { cwd: temporary });

  const one = await small('one', [`data.root=${set}`], ['--json']);
  await t.test('--json prints lines of JSON: start, an epoch each, result; stderr has warnings alone', () => {
    const lines = one.stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      lines.map(({ type }) => type),
      ['start', 'epoch', 'epoch', 'result'],
    );
    const folder = onlyRun(at('one'));
    const { name, seed, epochs, steps_per_epoch, epoch, step } = lines[0]!;
    assert.deepEqual([name, seed, epochs, steps_per_epoch, epoch, step], ['fashion_mnist_lt/gala', 0, 2, 39, 1, 0]);
    assert.deepEqual(
      lines.slice(1, 3).map(({ type: _, ...metrics }) => metrics),
      metricsOf(folder),
    );
    assert.deepEqual(lines[3], { type: 'result', folder, rows: recordOf(folder).results });
    assert.deepEqual(notWarnings(one.stderr), []);
  });

  const config = join(onlyRun(at('one')), 'config.yaml');
  const again = await gala(['train', '--config', config, '--output', at('again'), '--quiet'], 0, { cwd: temporary });
  await t.test(
    'the config.yaml of the run, trained again: same bits; --quiet prints the table and warnings alone',
    () => {
      assertSameOutcome(onlyRun(at('again')), onlyRun(at('one')));
      // The test images are unbalanced, so there are two metrics more, and fewer columns of text in 80 characters.
      assert.match(
        again.stdout,
        /^checkpoint .*balanced {2}macro-F1\n─.*\n((best|last) .*\n){6}\nThe same in all rows: split test[;.]/,
      );
      assert.match(again.stdout, /\nNot shown: (epoch; )?selected on.*\. gala table\s+\S+\s+--wide\s+shows them\.\n$/s);
      assert.match(again.stderr, /^Warning: the warm-up takes 6 epochs of 39 steps, and train\.epochs is 2: /m);
      assert.deepEqual(notWarnings(again.stderr), []);
    },
  );

  await small('two', ['data.workers=2'], []);
  await t.test('two workers, same bits', () => assertSameOutcome(onlyRun(at('two')), onlyRun(at('one'))));

  await small('none', ['data.workers=0'], []);
  await t.test('no worker, same bits', () => assertSameOutcome(onlyRun(at('none')), onlyRun(at('one'))));

  await small('other', [], ['--seed', '1']);
  await t.test('another seed changes every weight tensor, but not the data', () => {
    const [other, first] = [onlyRun(at('other')), onlyRun(at('one'))];
    const { tensors } = checkpointOf(first, 'last');
    const differing = differingTensors(checkpointOf(other, 'last').tensors, tensors);
    assert.deepEqual(differing, Object.keys(tensors));
    assert.notDeepEqual(metricsOf(other).map(untimed), metricsOf(first).map(untimed));
    assert.deepEqual(recordOf(other).splits, recordOf(first).splits);
    assert.notEqual(recordOf(other).config_hash, recordOf(first).config_hash);
  });
});

function notWarnings(stderr: string): string[] {
  return stderr.split('\n').filter(line => line !== '' && !line.startsWith('Warning: '));
}
