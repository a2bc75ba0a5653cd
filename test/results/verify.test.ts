/** What the gate catches: each test damages a sound record in one way. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { sha256 } from '../../src/io/hash.js';
import { faultsOf } from '../../src/results/check.js';
import type { ExpectedTable } from '../../src/results/expected.js';
import { predictionsOf, type ResultRecord, readResult } from '../../src/results/record.js';
import { writeGeneratedFiles } from '../../src/results/tables.js';
import { truthReader } from '../../src/results/truth.js';
import { verifyTable } from '../../src/results/verify.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { exampleTable, writeExampleResults } from './exampleRun.js';

const temporary = temporaryFolder();
let table: ExpectedTable;
let folders = 0;

before(async () => {
  table = await exampleTable(join(temporary, 'expected.yaml'), 50);
});

/** Sound results in a folder of their own, with their CSV. */
async function sound() {
  const example = await writeExampleResults(join(temporary, String(folders++)));
  writeGeneratedFiles(example.results, table.name);
  const edit = (change: (record: ResultRecord) => void) => {
    const record = JSON.parse(readFileSync(example.path, 'utf8')) as ResultRecord;
    change(record);
    writeFileSync(example.path, JSON.stringify(record));
  };
  const faults = async () => (await verifyTable({ table, results: example.results, rowsOnly: true })).faults;
  return { ...example, edit, faults };
}

test('Sound results have no fault, with the labels and without', async () => {
  const { results, path } = await sound();
  const verification = await verifyTable({ table, results });
  assert.deepEqual(verification.faults, []);
  assert.deepEqual([verification.recounted, verification.unlabelled], [1, 0]);
  assert.equal(verification.recordsOf('gala').length, 1);
  assert.deepEqual(faultsOf(readResult(path)), []);
});

test(
  'A record whose data nobody named is counted as one without labels; a folder that is named and empty ' +
    'is an error',
  async () => {
    delete process.env.GALA_DATA;
    const { results, edit } = await sound();
    edit(record => {
      record.config.data = { dataset: 'cifar100', imbalance_factor: 100 };
    });
    const { recounted, unlabelled } = await verifyTable({ table, results, rowsOnly: true });
    assert.deepEqual([recounted, unlabelled], [0, 1]);
    await assert.rejects(verifyTable({ table, results, rowsOnly: true, dataRoot: results }), { name: 'DataError' });
  },
);

test(
  'In a run that was resumed otherwise the best epoch may differ from its scores by half a point, not ' + 'by more',
  async () => {
    const { path, edit, faults } = await sound();
    const say = (more: number, threads: number) =>
      edit(record => {
        const { epoch, top1, tau } = record.scores[1]!;
        const { engine, versions, host } = record;
        if (threads !== engine.threads) record.resumed_with = [{ engine: { ...engine, threads }, versions, host }];
        record.rebalanced_best = { epoch, selected_on: 'test', tau: tau!, top1: Number((top1 + more).toFixed(4)) };
      });
    const own = readResult(path).record.engine.threads;
    say(0.4, own);
    assert.match((await faults()).join(), /own best epoch: it says/);
    say(0.4, own + 1);
    assert.deepEqual(await faults(), []);
    say(0.6, own + 1);
    assert.match((await faults()).join(), /own best epoch: it says/);
  },
);

test('A re-balanced best epoch that contradicts the scores is a fault, one that does not is none', async () => {
  const { edit, faults } = await sound();
  const say = (epoch: number, more: number, selected_on = 'test') =>
    edit(record => {
      const { epoch: last, top1 } = record.scores[1]!;
      record.rebalanced_best = {
        epoch: last - 20 + epoch,
        selected_on,
        tau: 1,
        top1: Number((top1 + more).toFixed(4)),
      };
    });
  say(19, 1);
  assert.deepEqual(await faults(), []);
  say(20, 1);
  assert.match((await faults()).join(), /own best epoch: it says [\d.]+ % at epoch 20, checkpoint last has/);
  say(19, -1);
  assert.match((await faults()).join(), /own best epoch: it says/);
  say(19, -1, 'val');
  assert.deepEqual(await faults(), []);
  say(19, 1.01);
  assert.match((await faults()).join(), /not a whole number of 2000 images/);
});

/** Percent: mean over the classes with fewer than `below` training images. */
function meanRecall({ train, test }: ResultRecord, correct: readonly number[], below = Infinity): number {
  const classes = train.class_counts.flatMap((count, klass) => (count < below ? [klass] : []));
  const recalls = classes.map(klass => correct[klass]! / test.class_counts[klass]!);
  return (100 * recalls.reduce((a, b) => a + b)) / recalls.length;
}

describe('With the labels the gate fails for', () => {
  test('a top-1 typed by hand', async () => {
    const { edit, faults } = await sound();
    edit(record => {
      record.scores[0]!.top1 = 99;
    });
    assert.match(
      (await faults()).join('\n'),
      /gala-seed0-subset0\.json: last, plain: it says top1 99 %, the predictions give \d/,
    );
  });

  test('a group accuracy typed by hand', async () => {
    const { edit, faults } = await sound();
    edit(record => {
      record.scores[1]!.few = 90;
    });
    assert.match((await faults()).join('\n'), /last, re-balanced at τ = 1: it says few 90 %, the predictions give \d/);
  });

  test('a top-1 and the right answers behind it, typed by hand so that they fit together', async () => {
    const { edit, faults } = await sound();
    edit(record => {
      const score = record.scores[0]!;
      score.correct[0]! += 1;
      score.top1 = (100 * score.correct.reduce((a, b) => a + b)) / record.test.images;
    });
    assert.match((await faults()).join('\n'), /it says \d+ right of class 0, the predictions and labels give \d+/);
  });

  test('images per class, by which the groups are divided, other than those of the labels', async () => {
    const { edit, faults } = await sound();
    edit(record => {
      const { class_counts } = record.test;
      class_counts[8]! += 10;
      class_counts[9]! -= 10;
      for (const score of record.scores) {
        score.few = meanRecall(record, score.correct, 20);
        score.balanced_accuracy = meanRecall(record, score.correct);
        delete score.macro_f1; // right answers per class do not give it
      }
    });
    assert.deepEqual(
      (await faults()).map(fault => fault.replace(/.*: /, '')),
      ['its test images per class are not those of the data'],
    );
  });

  test('one image less, with predictions and accuracies to match', async () => {
    const { path, predictions, edit, faults } = await sound();
    const { record: before } = readResult(path);
    const { labels } = (await truthReader()(before))!;
    const bytes = Buffer.concat(before.scores.map(() => Uint8Array.from(labels.subarray(0, -1))));
    writeFileSync(predictions, bytes);
    edit(record => {
      record.test.images--;
      record.test.class_counts[labels.at(-1)!]!--;
      record.predictions_sha256 = sha256(bytes);
      for (const score of record.scores)
        Object.assign(score, { correct: record.test.class_counts, top1: 100, many: 100, medium: 100, few: 100 });
    });
    assert.match((await faults()).join('\n'), /its test images per class are not those of the data/);
  });

  test('a changed prediction', async () => {
    const { predictions, faults } = await sound();
    const bytes = readFileSync(predictions);
    bytes[5] = (bytes[5]! + 1) % 10;
    writeFileSync(predictions, bytes);
    assert.match((await faults()).join('\n'), /its predictions were changed: another sha256/);
  });

  test('predictions made right for the labels, with a fitting sha256', async () => {
    const { path, predictions, edit, faults } = await sound();
    const { labels } = (await truthReader()(readResult(path).record))!;
    const bytes = readFileSync(predictions);
    bytes.set(Uint8Array.from(labels));
    writeFileSync(predictions, bytes);
    edit(record => {
      record.predictions_sha256 = sha256(bytes);
    });
    assert.match((await faults()).join('\n'), /it says \d+ right of class 0, the predictions and labels give 200/);
  });

  test('a prediction that is no class', async () => {
    const { predictions, edit, faults } = await sound();
    const bytes = readFileSync(predictions);
    bytes[7] = 10;
    writeFileSync(predictions, bytes);
    edit(record => {
      record.predictions_sha256 = sha256(bytes);
    });
    assert.match((await faults()).join('\n'), /the prediction of image 7 is class 10 of 10/);
  });

  test('a truncated file of predictions', async () => {
    const { predictions, faults } = await sound();
    truncateSync(predictions, 5999);
    assert.match((await faults()).join('\n'), /its predictions have 5999 bytes where 4 × 2000 are expected/);
  });

  test('missing predictions', async () => {
    const { predictions, faults } = await sound();
    rmSync(predictions);
    assert.match(
      (await faults()).join('\n'),
      /its predictions are missing: there is no gala-seed0-subset0\.predictions/,
    );
  });

  test('a missing record whose predictions are there', async () => {
    const { path, faults } = await sound();
    rmSync(path);
    assert.match((await faults()).join('\n'), /gala-seed0-subset0\.predictions: its record is missing/);
  });

  test('a record that is cut off', async () => {
    const { path, faults } = await sound();
    truncateSync(path, 1000);
    assert.match((await faults()).join('\n'), /gala-seed0-subset0\.json: The result record is not usable: .*JSON/);
  });

  test('a run of another experiment under the name of the row', async () => {
    const { edit, faults } = await sound();
    edit(record => {
      (record.config.train as { epochs: number }).epochs = 30;
    });
    assert.match((await faults()).join('\n'), /it is not the experiment of row gala: train\.epochs: 20 → 30/);
  });

  test('images, labels or a training subset other than those of the data', async () => {
    const { edit, faults } = await sound();
    edit(record => {
      record.test.labels_sha256 = '0'.repeat(64);
      record.train.index_hash = '1'.repeat(64);
      record.train.fingerprint = '2'.repeat(64);
      record.test.fingerprint = '3'.repeat(64);
    });
    const text = (await faults()).join('\n');
    assert.match(text, /its test labels are not those of the table/);
    assert.match(text, /its test labels are not those of the data/);
    assert.match(text, /its test images are not those of the data/);
    assert.match(text, /its training images are not those of the data/);
    assert.match(text, /its training subset is not the one that its config draws/);
  });

  test('a CSV that is not what the records give', async () => {
    const { results } = await sound();
    const csv = join(results, 'fashion_mnist_lt.csv');
    writeFileSync(csv, readFileSync(csv, 'utf8').replace(/\d\d\.\d\d/, '99.99'));
    const { faults } = await verifyTable({ table, results });
    assert.match(faults.join('\n'), /fashion_mnist_lt\.csv: it is not what the records give; run gala results tables/);
  });
});

describe('Without the labels the gate still fails for', () => {
  const faultsWithout = async (change: (record: ResultRecord, predictions: Uint8Array) => void) => {
    const { path } = await sound();
    const { record, predictions } = readResult(path);
    change(record, predictions!);
    return faultsOf({ path, record, predictions }).join('\n');
  };

  test('a top-1 typed by hand', async () => {
    const faults = await faultsWithout(({ scores }) => {
      scores[0]!.top1 += 1e-6;
    });
    assert.match(faults, /last, plain: it says top1 .* %, the predictions give/);
  });

  test('a changed prediction', async () => {
    const faults = await faultsWithout((_, predictions) => {
      predictions[0] = (predictions[0]! + 1) % 10;
    });
    assert.match(faults, /its predictions were changed: another sha256/);
  });

  test('images that are not those of all classes', async () => {
    const faults = await faultsWithout(({ test }) => {
      test.class_counts[0]! -= 1;
    });
    assert.match(faults, /it says 2000 test images, and 1999 of all classes/);
  });

  test('a τ of the config that the config does not have', async () => {
    const faults = await faultsWithout(({ scores }) => {
      scores[1]!.tau = 1.5;
    });
    assert.match(faults, /it says that the config selected τ = 1.5, and there it is 1$/);
  });

  test('more right answers of a class than it was predicted', async () => {
    const faults = await faultsWithout((record, predictions) => {
      const score = record.scores[0]!;
      const predicted = predictionsOf(record, predictions, 0).filter(klass => klass === 9).length;
      score.correct[9] = predicted + 1;
      score.top1 = (100 * score.correct.reduce((a, b) => a + b)) / record.test.images;
    });
    assert.match(faults, /right of class 9, which has 200 images and \d+ predictions/);
  });
});
