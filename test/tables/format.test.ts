import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ResultRow } from '../../src/eval/resultRow.js';
import type { Column } from '../../src/tables/column.js';
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
        'run   split  checkpoint  epoch  selected on  predictions    τ  τ selected on  top-1   many  medium    few',
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
      formatTable(rows, accuracyColumns, 'csv'),
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
