/**
 * `gala eval`: whatever it starts from — a run, a weights file, stored logits — it finds the numbers that training
 * found.
 */
import assert from 'node:assert/strict';
import { copyFileSync, cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { readSafetensors, writeSafetensors } from '../../src/io/safetensors.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, gala } from './gala.js';
import { checkpointOf, csvOf, filesIn, metricsOf, onlyRun, recordOf } from './outcome.js';
import { smallTestImages, smallTraining, smallTrainingImages, writeSmallSet } from './smallSet.js';

interface Row {
  readonly split: string;
  readonly checkpoint: string;
  readonly epoch: number | null;
  readonly selected_on: string | null;
  readonly predictions: string;
  readonly tau: number | null;
  readonly tau_selected_on: string | null;
  readonly top1: number;
  readonly many: number;
  readonly medium: number;
  readonly few: number;
  readonly balanced_accuracy: number;
}

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };
const set = writeSmallSet(at('set'));
const nothingInstalled = {
  GALA_CACHE: at('none'),
  PATH: at('none'),
  GALA_TENSORFLOW: undefined,
  VIRTUAL_ENV: undefined,
};
let run: string;

before(async () => {
  await gala(smallTraining(set, at('runs'), ['eval.tau=1.5']), 0, options);
  run = onlyRun(at('runs'));
});

test('gala eval --run gives the results of run.json, for best and for last', async () => {
  assert.deepEqual(accuraciesOf(await rowsOf('--run', run)), recordedAccuracies('best'));
  assert.deepEqual(accuraciesOf(await rowsOf('--run', run, '--checkpoint', 'last')), recordedAccuracies('last'));
  const file = join(run, 'checkpoints/last.safetensors');
  const rows = await rowsOf('--run', run, '--data', set, '--checkpoint', file);
  assert.deepEqual(accuraciesOf(rows), recordedAccuracies('last'));
  assert.equal(rows[0]!.checkpoint, file);
});

test('Without --tau it is that of the config, and the table says so; one that is given is called given', async () => {
  const ofConfig = await rowsOf('--run', run, '--logit-adjustment', '1');
  const tausOf = (rows: readonly Row[]) => rows.map(({ tau, tau_selected_on }) => [tau, tau_selected_on]);
  assert.deepEqual(tausOf(ofConfig), [
    [null, null],
    [1.5, 'config'],
    [null, null],
    [1, 'given'],
  ]);
  assert.deepEqual(tausOf(await rowsOf('--run', run, '--tau', '1.5')), [
    [null, null],
    [1.5, 'given'],
    [null, null],
  ]);
  assert.deepEqual(tausOf(await rowsOf('--logits', join(run, 'logits/test-best.safetensors'))), [
    [null, null],
    [1, 'default'],
    [null, null],
  ]);
  const { epoch } = checkpointOf(run, 'best').position;
  await rowsOf('--run', run);
  for (const name of ['table.csv', 'predictions.csv']) {
    const training = readFileSync(join(run, name), 'utf8').split('\n');
    const evaluated = readFileSync(join(run, `eval/test-best-epoch${epoch - 1}`, name), 'utf8').split('\n');
    assert.deepEqual(evaluated, name === 'table.csv' ? [...training.slice(0, 4), ''] : training, name);
  }
});

test('A finished run is evaluated without checkpoints, data and engine, to the same table', async () => {
  const cleaned = at('cleaned/run');
  cpSync(run, cleaned, { recursive: true });
  await gala(['runs', 'clean', cleaned], 0, options);
  assert.deepEqual(filesIn(join(cleaned, 'checkpoints')), []);
  for (const which of [[], ['--checkpoint', 'best'], ['--checkpoint', 'last']]) {
    const flags = [...which, '--tau', '0,0.5,1.5', '--format', 'csv'];
    const { stdout } = await gala(['eval', '--run', cleaned, ...flags], 0, {
      ...options,
      environment: nothingInstalled,
    });
    assert.equal(stdout, (await gala(['eval', '--run', run, ...flags], 0, options)).stdout);
  }
  const other = errorOf(await gala(['eval', '--run', cleaned, '--split', 'train', '--data', set], 4, options));
  assert.equal(other.message, 'This run has no checkpoint last.');
  assert.match(
    other.next,
    /gala runs clean` .* Without it only stored logits can be evaluated: test-best, test-last \(--split and --checkpoint\)\.$/,
  );
});

test('Logits computed anew are those that training stored, byte by byte, and so are the files made of them', async () => {
  const stored = join(run, 'logits/test-best.safetensors');
  const bytes = readFileSync(stored);
  rmSync(stored);
  const { stderr } = await gala(['eval', '--run', run, '--data', set], 0, options);
  assert.ok(readFileSync(stored).equals(bytes));
  const { epoch } = checkpointOf(run, 'best').position;
  const output = join(run, `eval/test-best-epoch${epoch - 1}`);
  assert.ok(stderr.includes(`Replaced in ${output}:`), 'an earlier test evaluated this checkpoint too');
  assert.deepEqual(filesIn(output), ['per_class.csv', 'predictions.csv', 'table.csv', 'table.md']);
  for (const name of ['per_class.csv', 'predictions.csv'])
    assert.equal(readFileSync(join(output, name), 'utf8'), readFileSync(join(run, name), 'utf8'), name);
});

test(
  'gala eval --config --weights agrees, with a checkpoint and with the same weights in the layout of ' + 'PyTorch',
  async () => {
    const config = join(run, 'config.yaml');
    const checkpoint = join(run, 'checkpoints/best.safetensors');
    const pytorch = at('pytorch.safetensors');
    writePytorchWeights(checkpoint, pytorch);
    for (const weights of [checkpoint, pytorch]) {
      const output = at('weights');
      const rows = await rowsOf('--config', config, '--weights', weights, '--data', set, '--output', output);
      assert.deepEqual(accuraciesOf(rows), recordedAccuracies('best'));
      assert.deepEqual([rows[0]!.checkpoint, rows[0]!.epoch, rows[0]!.selected_on], [weights, null, null]);
      assert.equal(
        readFileSync(join(output, 'predictions.csv'), 'utf8'),
        readFileSync(join(run, 'predictions.csv'), 'utf8'),
      );
    }
  },
);

test(
  'gala eval --logits sweeps τ without data or engine: τ 0 is the plain line, that of the config the ' +
    're-balanced one',
  async t => {
    const logits = join(run, 'logits/test-best.safetensors');
    const elsewhere = at('copied.safetensors');
    copyFileSync(logits, elsewhere);
    const sweep = ['eval', '--logits', elsewhere, '--tau', '0,0.5,1.5,2', '--logit-adjustment', '0,1'];
    const asJson = await gala([...sweep, '--format', 'json'], 0, { ...options, environment: nothingInstalled });
    const rows = JSON.parse(asJson.stdout) as Row[];
    assert.deepEqual(
      rows.map(({ predictions, tau }) => [predictions, tau]),
      [
        ['plain', null],
        ['re-balanced', 0],
        ['re-balanced', 0.5],
        ['re-balanced', 1.5],
        ['re-balanced', 2],
        ['equal masses', null],
        ['logit-adjusted', 0],
        ['logit-adjusted', 1],
      ],
    );
    assert.deepEqual(accuraciesOf([rows[0]!, rows[3]!, rows[5]!]), recordedAccuracies('best'));
    for (const row of [rows[1]!, rows[6]!]) assert.deepEqual(accuraciesOf([row]), accuraciesOf([rows[0]!]));

    await t.test(
      '--format csv and md print the same cells as json, md without the run that is the same in all lines',
      async () => {
        const asCsv = await gala([...sweep, '--format', 'csv'], 0, options);
        writeFileSync(at('table.csv'), asCsv.stdout);
        const asMarkdown = await gala([...sweep, '--wide', '--format', 'md'], 0, options);
        const lines = asMarkdown.stdout.trimEnd().split('\n');
        assert.match(lines[1]!, /^\|( -+:? \|)+$/);
        csvOf(at('table.csv')).forEach((cells, i) => {
          const expected = Object.entries(rows[i]!).map(([, value]) => (value === null ? '' : value));
          const numbers = Object.values(cells).map((text, c) =>
            typeof expected[c] === 'number' ? Number(text) : text,
          );
          assert.deepEqual(numbers, expected);
          const shown = lines[i + 2]!.split('|').slice(1, -1);
          assert.deepEqual(
            shown.map(cell => cell.trim().replace('–', '')),
            Object.values(cells).slice(1),
          );
        });
        assert.equal(lines.length, rows.length + 2);
        assert.ok(lines[0]!.startsWith('| split |') && asCsv.stdout.startsWith('run,split,'));
      },
    );

    await t.test(
      'the terminal names the best τ and says that it was chosen on the split it is reported on',
      async () => {
        const { stdout } = await gala(sweep, 0, options);
        const ranked = rows
          .filter(({ predictions }) => predictions === 're-balanced')
          .sort((a, b) => b.top1 - a.top1 || a.tau! - b.tau!);
        assert.match(stdout, /^checkpoint .*\nThe same in all rows: split test[;.]/s);
        assert.ok(stdout.includes(`τ = ${ranked[0]!.tau} gives the highest top-1. A τ chosen`), stdout);
      },
    );
  },
);

test('gala eval --split train evaluates every training image', async () => {
  const rows = await rowsOf('--run', run, '--data', set, '--split', 'train', '--checkpoint', 'last');
  assert.deepEqual([rows[0]!.split, rows[0]!.checkpoint, rows[0]!.epoch], ['train', 'last', 3]);
  const predictions = csvOf(run, 'eval/train-last-epoch3/predictions.csv');
  assert.equal(predictions.length, smallTrainingImages);
  const right = predictions.filter(({ label, predicted }) => label === predicted).length;
  assert.equal(rows[0]!.top1, Number(((100 * right) / smallTrainingImages).toFixed(2)));
  const images = csvOf(run, 'eval/train-last-epoch3/per_class.csv').map(row => [row.training_images, row.images]);
  assert.deepEqual(
    images,
    recordOf(run).splits.train!.class_counts!.map(count => [String(count), String(count)]),
  );
});

test('A damaged logits file and damaged weights exit with 4 and name the file', async () => {
  const logits = at('damaged.safetensors');
  const bytes = readFileSync(join(run, 'logits/test-best.safetensors'));
  bytes[bytes.length - 100]! ^= 1;
  writeFileSync(logits, bytes);
  const flipped = await gala(['eval', '--logits', logits], 4, options);
  assert.match(errorOf(flipped).message, /sha256/);
  assert.equal(errorOf(flipped).where, logits);

  truncateSync(logits, bytes.length - 100);
  const cut = await gala(['eval', '--logits', logits], 4, options);
  assert.equal(errorOf(cut).where, logits);

  const weights = at('other.safetensors');
  const { tensors } = checkpointOf(run, 'best');
  const { 'classifier.bias': _, ...rest } = tensors;
  writeSafetensors(weights, rest);
  const config = join(run, 'config.yaml');
  const lacking = await gala(['eval', '--config', config, '--weights', weights, '--data', set], 4, options);
  assert.match(lacking.stderr, /classifier\.bias is missing/);
});

test('What gala eval cannot know is a usage error: exit 2', async () => {
  const logits = join(run, 'logits/test-best.safetensors');
  const nothing = await gala(['eval'], 2, options);
  assert.match(errorOf(nothing).next, /gala eval RUN.*--weights.*--logits/);
  const both = await gala(['eval', '--run', run, '--logits', logits], 2, options);
  assert.match(errorOf(both).message, /Give one thing/);
  for (const [unused, form] of [
    [['--run', run, '--set', 'eval.tau=2'], /^--set has no effect with a run/],
    [['--logits', logits, '--split', 'train'], /^--split has no effect with --logits/],
    [['--logits', logits, '--data', set], /^--data has no effect with --logits/],
  ] as const)
    assert.match(errorOf(await gala(['eval', ...unused], 2, options)).message, form);
  const adjustment = await gala(['eval', '--logits', logits, '--logit-adjustment', 'x'], 2, options);
  assert.match(adjustment.stderr, /--logit-adjustment/);
  const tau = await gala(['eval', '--logits', logits, '--tau', '1,-2'], 2, options);
  assert.match(tau.stderr, /--tau/);
  const val = await gala(['eval', '--run', run, '--data', set, '--split', 'val'], 2, options);
  assert.match(errorOf(val).message, /no split val/);
});

test(
  'With eval.select_on: val a part of the training set chooses the best checkpoint, and the table says ' + 'so',
  async () => {
    await gala(smallTraining(set, at('val'), ['eval.select_on=val', 'eval.val_fraction=0.25']), 0, options);
    const chosen = onlyRun(at('val'));
    const { splits, results } = recordOf(chosen);
    assert.equal(splits.train!.images + splits.val!.images, smallTrainingImages);
    assert.equal(
      splits.train!.class_counts!.reduce((sum, count) => sum + count, 0),
      splits.train!.images,
    );
    const balanced = metricsOf(chosen).map(metrics => metrics.val_balanced_accuracy!);
    const best = balanced.indexOf(Math.max(...balanced)) + 1;
    assert.deepEqual(
      results.map(({ split, checkpoint, selected_on, epoch }) => [split, checkpoint, selected_on, epoch]),
      [
        ['test', 'best', 'val', best],
        ['test', 'best', 'val', best],
        ['test', 'best', 'val', best],
        ['test', 'last', 'last', 3],
        ['test', 'last', 'last', 3],
        ['test', 'last', 'last', 3],
      ],
    );
    assert.deepEqual(
      csvOf(chosen, 'table.csv').map(row => row.selected_on),
      ['val', 'val', 'val', 'last', 'last', 'last'],
    );
    const stored = checkpointOf(chosen, 'best').position.best!;
    assert.equal(stored.epoch, best);
    assert.equal((100 * stored.top1).toFixed(4), Math.max(...balanced).toFixed(4));

    const rows = await rowsOf('--run', chosen, '--data', set, '--split', 'val');
    assert.equal(rows[0]!.balanced_accuracy.toFixed(2), Math.max(...balanced).toFixed(2));
    const images = csvOf(chosen, `eval/val-best-epoch${best}/predictions.csv`);
    const right = images.filter(({ label, predicted }) => label === predicted).length;
    assert.equal(rows[0]!.top1.toFixed(2), ((100 * right) / images.length).toFixed(2));
    assert.equal(csvOf(chosen, `eval/val-best-epoch${best}/predictions.csv`).length, splits.val!.images);
  },
);

test(
  'With eval.select_on: last nothing chooses: there is no best checkpoint, and the table has the last ' + 'epoch alone',
  async () => {
    const overrides = ['eval.select_on=last', 'train.epochs=2', 'eval.every=2'];
    await gala(smallTraining(set, at('last'), overrides), 0, options);
    const last = onlyRun(at('last'));
    assert.deepEqual(filesIn(join(last, 'checkpoints')), ['last.previous.safetensors', 'last.safetensors']);
    assert.deepEqual(
      csvOf(last, 'table.csv').map(row => [row.checkpoint, row.epoch, row.selected_on]),
      [
        ['last', '2', 'last'],
        ['last', '2', 'last'],
        ['last', '2', 'last'],
      ],
    );
    assert.deepEqual(
      metricsOf(last).map(metrics => 'test_top1' in metrics),
      [false, true],
      'eval.every 2 evaluates the second epoch only',
    );
    assert.equal(csvOf(last, 'predictions.csv').length, smallTestImages);
  },
);

async function rowsOf(...flags: readonly string[]): Promise<Row[]> {
  const { stdout } = await gala(['eval', ...flags, '--format', 'json'], 0, options);
  return JSON.parse(stdout) as Row[];
}

/** Percent with two decimals, as tables show them: plain, re-balanced, equal masses. */
function accuraciesOf(rows: readonly Row[]): number[][] {
  return rows.map(({ top1, many, medium, few }) => [top1, many, medium, few]);
}

function recordedAccuracies(checkpoint: string): number[][] {
  const rows = recordOf(run).results.filter(row => row.checkpoint === checkpoint);
  assert.equal(rows.length, 3);
  return rows.map(({ top1, many, medium, few }) =>
    [top1, many!, medium!, few!].map(percent => Number(percent.toFixed(2))),
  );
}

/** The model of a checkpoint with filters as [out, in, height, width] and PyTorch's batch counters. */
function writePytorchWeights(checkpoint: string, path: string): void {
  const model = Object.entries(readSafetensors(checkpoint).tensors).filter(
    ([name]) => !/^(momentum|loss)\./.test(name),
  );
  const tensors = Object.fromEntries(
    model.map(([name, tensor]) => {
      if (tensor.shape.length !== 4) return [name, tensor];
      const [height, width, inputs, outputs] = tensor.shape as [number, number, number, number];
      const data = new Float32Array(tensor.data.length);
      tensor.data.forEach((value, i) => {
        const [out, input, position] = [
          i % outputs,
          Math.floor(i / outputs) % inputs,
          Math.floor(i / outputs / inputs),
        ];
        data[(out * inputs + input) * height * width + position] = value;
      });
      return [name, { dtype: 'float32' as const, shape: [outputs, inputs, height, width], data }];
    }),
  );
  const counter = { dtype: 'int32' as const, shape: [], data: Int32Array.of(117) };
  writeSafetensors(path, { ...tensors, 'backbone.bn1.num_batches_tracked': counter });
}
