import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ResultRow } from '../../src/eval/resultRow.js';
import { metricKeys } from '../../src/eval/scores.js';
import { type Column, twoDecimals } from '../../src/tables/column.js';
import { formatTable } from '../../src/tables/format.js';
import { accuracyColumns } from '../../src/tables/scoreColumns.js';

const source = { run: 'gala', split: 'test', checkpoint: 'best', epoch: 187, selected_on: 'test' };
const rows: ResultRow[] = [
  { ...source, top1: 52.096, many: 70, medium: 50, few: 30 },
  { ...source, tau: 1.5, tau_selected_on: 'test', top1: 53, many: 68 },
];

describe('tables', () => {
  test('the terminal table is aligned, in percent with two decimals, with "–" for an empty group', () => {
    assert.equal(
      formatTable(rows, accuracyColumns, 'terminal'),
      [
        'run   split  checkpoint  epoch  selected on  predictions    τ  choice of τ    top-1   many  medium    few',
        '────  ─────  ──────────  ─────  ───────────  ───────────  ───  ─────────────  ─────  ─────  ──────  ─────',
        'gala  test   best          187  test         plain          –  –              52.10  70.00   50.00  30.00',
        'gala  test   best          187  test         re-balanced  1.5  test (oracle)  53.00  68.00       –      –',
      ].join('\n'),
    );
  });

  test('the Markdown table has the same cells, numbers to the right', () => {
    const lines = formatTable(rows, accuracyColumns, 'md').split('\n');
    assert.equal(lines[1], '| --- | --- | --- | ---: | --- | --- | ---: | --- | ---: | ---: | ---: | ---: |');
    assert.equal(
      lines[3],
      '| gala | test | best | 187 | test | re-balanced | 1.5 | test (oracle) | 53.00 | 68.00 | – | – |',
    );
  });

  test('CSV leaves missing cells empty, JSON makes them null and percent numbers', () => {
    assert.equal(
      formatTable(
        rows,
        accuracyColumns.filter(({ isShown }) => isShown?.(rows) ?? true),
        'csv',
      ),
      'run,split,checkpoint,epoch,selected_on,predictions,tau,tau_selected_on,top1,many,medium,few\n' +
        'gala,test,best,187,test,plain,,,52.10,70.00,50.00,30.00\n' +
        'gala,test,best,187,test,re-balanced,1.5,test (oracle),53.00,68.00,,',
    );
    const [plain, rebalanced] = JSON.parse(formatTable(rows, accuracyColumns, 'json'));
    assert.equal(plain.top1, 52.1);
    assert.equal(plain.tau, null);
    assert.equal(rebalanced.few, null);
    assert.equal(rebalanced.run, 'gala');
  });

  test('an accuracy of 0 and a τ of 0 are shown, not taken for missing', () => {
    const zero: ResultRow = { ...source, tau: 0, tau_selected_on: 'given', top1: 0, few: 0 };
    const [row] = JSON.parse(formatTable([zero], accuracyColumns, 'json'));
    assert.deepEqual([row.predictions, row.tau, row.top1, row.few, row.many], ['re-balanced', 0, 0, 0, null]);
  });

  test('bars, newlines, quotes and commas in a text do not break Markdown or CSV', () => {
    const columns: Column<string>[] = [{ key: 'name', title: 'na|me', kind: 'text', value: text => text }];
    assert.equal(formatTable(['a|b\nc\\'], columns, 'md'), '| na\\|me |\n| --- |\n| a\\|b c\\\\ |');
    assert.equal(formatTable(['a,"b"'], columns, 'csv'), 'name\n"a,""b"""');
  });

  test('a table without rows is its heading', () => {
    assert.equal(formatTable([], accuracyColumns, 'md').split('\n').length, 2);
    assert.equal(formatTable([], accuracyColumns, 'terminal').split('\n').length, 2);
    assert.equal(formatTable([], accuracyColumns, 'json'), '[]');
  });
});

test('no cell of a Markdown table holds a comment or a tag, by which other programs find their places', () => {
  const columns = [{ key: 'c', title: 'c', kind: 'text' as const, value: (row: string) => row }];
  assert.equal(
    formatTable(['<!-- /results:t --><b>'], columns, 'md').split('\n')[2],
    '| &lt;!-- /results:t -->&lt;b> |',
  );
});

describe('a terminal table in 80 characters', () => {
  const columns: Column<Record<string, string>>[] = [
    { key: 'name', title: 'name', kind: 'text', value: row => row.name },
    { key: 'split', title: 'split', kind: 'text', value: row => row.split, dispensable: 1 },
    { key: 'epoch', title: 'epoch', kind: 'number', value: row => row.epoch, dispensable: 2 },
    { key: 'top1', title: 'top-1', kind: 'number', value: row => row.top1 },
  ];
  const row = (name: string, epoch: string) => ({ name, split: 'test', epoch, top1: '52.10' });

  test('leaves out what it can do without, the one value of a column said below, and with --wide shows all', () => {
    const rows = [row('gala', '187'), row('cross_entropy', '200')];
    assert.equal(
      formatTable(rows, columns, 'terminal', { width: 27 }),
      [
        'name           split  top-1',
        '─────────────  ─────  ─────',
        'gala           test   52.10',
        'cross_entropy  test   52.10',
        '',
        'Not shown: epoch. --wide',
        'shows it.',
      ].join('\n'),
    );
    const narrow = formatTable(rows, columns, 'terminal', { width: 20 });
    assert.match(narrow, /\n\nThe same in all\nrows: split test\.\nNot shown: epoch\.\n--wide shows it\.$/);
    assert.equal(
      formatTable(rows, columns, 'terminal', { width: 20, wide: true }),
      formatTable(rows, columns, 'terminal'),
    );
  });

  test('folds the longest name where nothing more can be left out', () => {
    const rows = [row('cifar100_lt/gala_if100 (train.epochs=3 loss.lambda1=1)', '3')];
    const lines = formatTable(rows, columns, 'terminal', { width: 30 }).split('\n');
    assert.deepEqual(lines.slice(2, 5), ['cifar100_lt/gala_if100  52.10', '(train.epochs=3', 'loss.lambda1=1)']);
    assert.ok(lines.every(line => [...line].length <= 30));
  });

  test('metrics of unbalanced test images are shown where balanced accuracy is not top-1; CSV has all', () => {
    const metrics = (balanced: number) =>
      formatTable([{ ...rows[0]!, balanced_accuracy: balanced, macro_f1: 50, top5: 90 }], accuracyColumns, 'md');
    assert.doesNotMatch(metrics(52.096), /balanced \||macro-F1|top-5/);
    assert.match(metrics(51), /\| balanced \| macro-F1 \|$/m);
    const [heading, ...lines] = formatTable(rows, accuracyColumns, 'csv').split('\n');
    assert.ok(heading!.endsWith(`,tau_selected_on,${metricKeys.join()}`), heading);
    assert.ok(lines.every(line => line.split(',').length === heading!.split(',').length));
  });
});

test('a number has the same two decimals, whichever way it was computed', () => {
  const [mean, sum] = [(60.1 + 60.15) / 2, 100 * (0.60125 - 2 ** -54)];
  for (const value of [60.125, mean, sum, 60.125 - 1e-12]) assert.equal(twoDecimals(value), '60.13', `${value}`);
  assert.equal(twoDecimals(Number.NaN), undefined);
});
