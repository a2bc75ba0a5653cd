/**
 * Text from outside, through the real programs that read what gala writes: the same string comes back, or the
 * documented safe form.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { toCsv } from '../../src/io/csv.js';
import { shellWord } from '../../src/io/shellWord.js';
import { visibleLine, visibleText } from '../../src/io/visibleText.js';
import { escapeHtml } from '../../src/report/markup.js';
import { formatTable } from '../../src/tables/format.js';
import { numRuns, seed } from './fuzz.js';

const hostile = [
  '\u001b[2J\u001b]0;title\u0007',
  '\u009b31m',
  '\u202egnp.exe',
  '\u2066x\u2069',
  '\r',
  '\n',
  '\t',
  '\u2028',
  '\u007f',
  '\b',
  "'",
  '"',
  '`',
  '$(id)',
  '$HOME',
  ';',
  '&',
  '|',
  '\\',
  '!',
  '*',
  '~',
  '#',
  '%s',
  '%',
  ' ',
  '-',
  '--',
  '=',
  '+',
  '@',
  ',',
  '<',
  '>',
  '</script>',
  '<img src=x onerror=alert(1)>',
  '&lt;',
  ']]>',
  '-->',
  '=cmd|calc!A0',
  '＝1',
  'é',
  '漢字',
  '👩‍👧',
  '0.123456',
];
/** Strings of any signs, those that mean something to a shell, a spreadsheet, a browser or a terminal among them. */
const text = fc
  .array(fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' })), {
    maxLength: 5,
  })
  .map(parts => parts.join('').replaceAll('\0', ''));
const texts = fc.array(text, { minLength: 100, maxLength: 100, size: 'max' });
const check = { numRuns: Math.ceil(numRuns / 100), seed };

test('A shell takes a word for the text it was made of', () => {
  fc.assert(
    fc.property(texts, all => {
      const script = `printf '%s\\0' ${all.map(shellWord).join(' ')}`;
      const { stdout, stderr, status } = spawnSync('sh', ['-s'], { input: script, encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      assert.deepEqual(stdout.split('\0').slice(0, -1), all);
    }),
    check,
  );
});

test('A word for the shell holds no sign that a terminal obeys, unless it ends with a line feed', () => {
  fc.assert(
    fc.property(text, any => {
      if (!any.endsWith('\n')) assert.equal(visibleLine(shellWord(any)), shellWord(any));
    }),
    { numRuns, seed },
  );
});

test('A CSV parser gives the text back, but for the apostrophe that keeps a spreadsheet from computing it', () => {
  const program = 'import csv, json, sys; print(json.dumps(list(csv.reader(open(0, newline="", encoding="utf-8")))))';
  fc.assert(
    fc.property(texts, all => {
      const csv = toCsv(
        ['text', 'number'],
        all.map((any, index) => [any, -(index + 1) / 3]),
      );
      const { stdout, stderr, status } = spawnSync('python3', ['-c', program], {
        input: csv,
        encoding: 'utf8',
        maxBuffer: 2 ** 26,
      });
      assert.equal(status, 0, stderr);
      const [, ...lines] = JSON.parse(stdout) as string[][];
      for (const [index, [cell, number]] of lines.entries()) {
        assert.equal(Number(number), -(index + 1) / 3);
        if (cell !== all[index]) assert.equal(cell, `'${all[index]}`);
        assert.ok(!/^[=+\-@\t\r＝＋－＠]/.test(cell!) || Number.isFinite(Number(cell)), cell);
      }
    }),
    check,
  );
});

test('An HTML parser gives the text back with its controls made visible, in elements and attributes', () => {
  fc.assert(
    fc.property(text, any => {
      const html = `<!doctype html><html><body><p title="${escapeHtml(any)}">${escapeHtml(any)}</p></body></html>`;
      const page = parseHTML(html).document as unknown as {
        querySelectorAll(selector: string): ArrayLike<{ textContent: string; getAttribute(name: string): string }>;
      };
      assert.equal(page.querySelectorAll('body *').length, 1);
      const [paragraph] = Array.from(page.querySelectorAll('p'));
      assert.equal(paragraph!.textContent, visibleText(any));
      assert.equal(paragraph!.getAttribute('title'), visibleText(any));
    }),
    { numRuns, seed },
  );
});

test('What a terminal shows holds no control; other text stays as it is, and JSON means the same', () => {
  fc.assert(
    fc.property(text, any => {
      assert.doesNotMatch(visibleText(any).replaceAll(/[\n\t]/g, ''), /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u);
      assert.doesNotMatch(visibleLine(any), /[\n\t]/);
      assert.equal(visibleText(visibleText(any)), visibleText(any));
      if (/^[\p{L}\p{N}\p{P}\p{S}\p{M} \n\t]*$/u.test(any)) assert.equal(visibleText(any), any);
      assert.deepEqual(JSON.parse(visibleText(JSON.stringify({ [any]: any }))), { [any]: any });
    }),
    { numRuns, seed },
  );
});

test('A table on a terminal and in Markdown has a line a row, whatever its cells hold', () => {
  const columns = [{ key: 'name', title: 'name', kind: 'text' as const, value: (name: string) => name }];
  fc.assert(
    fc.property(text, any => {
      for (const format of ['terminal', 'md'] as const)
        assert.equal(formatTable([any, 'b'], columns, format).split('\n').length, 4);
    }),
    { numRuns, seed },
  );
});
