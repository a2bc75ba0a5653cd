import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseHTML } from 'linkedom';
import { reportHtml } from '../../src/report/html.js';
import { type ReportRun, readReportRuns } from '../../src/report/reportRun.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { writeExampleRun } from './exampleRuns.js';

const output = temporaryFolder();
const runs = readReportRuns([
  writeExampleRun(output, { name: 'set/gala', gradients: true }).directory,
  writeExampleRun(output, { name: 'set/cross_entropy', checkpoints: ['last'] }).directory,
]);

/** The few things of a document that these tests ask for. */
interface Node {
  readonly textContent: string;
  readonly innerHTML: string;
  readonly id: string;
  getAttribute(name: string): string | null;
  querySelector(selector: string): Node | null;
  querySelectorAll(selector: string): Iterable<Node>;
}

function pageOf(shown: readonly ReportRun[]): Node {
  return parseHTML(reportHtml(shown)).document as unknown as Node;
}

function textsOf(node: Node, selector: string): string[] {
  return Array.from(node.querySelectorAll(selector), found => found.textContent.trim());
}

describe('the report', () => {
  const page = pageOf(runs);
  const figures = Array.from(page.querySelectorAll('figure'));

  test('it has every figure, and a link to each', () => {
    const names = ['groups', 'curves', 'frequency', 'gradients', 'mass', 'tau', 'calibration', 'confusions', 'classes'];
    assert.deepEqual(
      figures.map(({ id }) => id),
      names,
    );
    const links = Array.from(page.querySelectorAll('nav a'), link => link.getAttribute('href'));
    assert.deepEqual(
      links,
      names.map(name => `#${name}`),
    );
  });

  test('every figure is drawn for a wide page and for a phone, and described for who cannot see it', () => {
    for (const figure of figures) {
      const wide = Array.from(figure.querySelectorAll('.wide svg.plot'));
      const phone = Array.from(figure.querySelectorAll('.phone svg.plot'));
      assert.ok(wide.length > 0 && wide.length === phone.length, figure.id);
      for (const svg of [...wide, ...phone]) assert.ok(svg.getAttribute('aria-label')!.length > 10, figure.id);
      for (const svg of phone) assert.ok(Number(svg.getAttribute('width')) <= 350, figure.id);
    }
  });

  test('every figure says which split, checkpoint and τ it is of', () => {
    for (const figure of figures) {
      const [sentence] = textsOf(figure, 'figcaption');
      for (const word of ['split', 'checkpoint', 'τ']) {
        if (figure.id === 'confusions' && word === 'τ') continue; // several runs: plain predictions only
        assert.match(sentence!, new RegExp(word, 'i'), figure.id);
      }
    }
    const [sentence] = textsOf(page, '#groups figcaption');
    assert.match(
      sentence!,
      /gala: checkpoint best of epoch 2 \(chosen on test\); cross_entropy: checkpoint last of epoch 3/,
    );
  });

  test('legends and headings name both runs', () => {
    for (const id of ['groups', 'curves', 'frequency', 'mass', 'tau', 'classes']) {
      assert.deepEqual(textsOf(page, `#${id} .legend li`).slice(0, 2), ['gala', 'cross_entropy'], id);
    }
    assert.match(textsOf(page, '#calibration h3').join('; '), /^gala: ECE \d+\.\d %; cross_entropy: ECE/);
    assert.deepEqual(textsOf(page, '#gradients h3'), ['gala']);
    assert.match(textsOf(page, '#gradients figcaption')[0]!, /Not recorded by: cross_entropy/);
  });

  test('it runs no script, loads nothing, and takes every colour from the page’s light or dark style', () => {
    const html = reportHtml(runs);
    assert.doesNotMatch(html, /<script|<link[^>]+href="(?!data:)|<img|@import|url\(|\ssrc=|\son\w+=/);
    assert.deepEqual(
      [...new Set(html.match(/https?:[^"' )]*/g) ?? [])].filter(url => !/^http:\/\/www\.w3\.org\//.test(url)),
      [],
    );
    for (const [, , color] of html.slice(html.indexOf('<body>')).matchAll(/ (fill|stroke|color)="([^"]*)"/g)) {
      assert.match(color!, /^(var\(--[\w-]+\)|currentColor|none)$/);
    }
  });

  test('the numbers of the table are those of the evaluation and of run.json', () => {
    const rows = new Map(
      Array.from(page.querySelectorAll('#runs tbody tr'), row => [textsOf(row, 'th')[0]!, textsOf(row, 'td')]),
    );
    const [gala] = runs;
    assert.ok(rows.get('top-1, plain')![0]!.startsWith(`${(100 * gala!.summary.plain.top1).toFixed(2)} %`));
    assert.match(rows.get('last evaluated epoch')![0]!, /^60\.00 % plain, re-balanced 63\.00 % \(epoch 3\)$/);
    assert.match(rows.get('training images')![0]!, /10847 images.*imbalance factor 100, subset seed 5, sha256 cd$/);
    assert.deepEqual(rows.get('config'), ['set/gala', 'set/cross_entropy']);
    assert.deepEqual(rows.get('status'), ['finished, 200 of 200 epochs'], 'what all runs share is said once');
  });

  test('it warns of an epoch chosen on test, of unfinished runs and of runs that differ', () => {
    const cautions = textsOf(page, '.cautions li').join('\n');
    assert.match(cautions, /chosen on the test split.*\(gala\)/);
    assert.match(cautions, /differ in: choice of the epoch/);
    assert.doesNotMatch(cautions, /Not finished/);
    const unfinished = readReportRuns([writeExampleRun(output, { finished: false }).directory]);
    assert.match(textsOf(pageOf(unfinished), '.cautions li').join('\n'), /Not finished/);
    assert.equal(pageOf([runs[1]!]).querySelector('.cautions li') === null, runs[1]!.record.git?.dirty !== true);
  });

  test('without gradients.jsonl the figure is left out and the page says so', () => {
    const without = pageOf([runs[1]!]);
    assert.equal(without.querySelector('figure#gradients'), null);
    assert.match(textsOf(without, 'p#gradients')[0]!, /Not drawn.*gradients\.jsonl/);
  });

  test('without an epoch of training the curves are left out and the page says so', () => {
    const shown = readReportRuns([writeExampleRun(output, { epochs: 0 }).directory]);
    const untrained = pageOf(shown);
    assert.equal(untrained.querySelector('figure#curves'), null);
    assert.match(textsOf(untrained, 'p#curves')[0]!, /Not drawn.*trained for an epoch/);
    assert.doesNotMatch(reportHtml(shown), /the {2}split|undefined|NaN/);
  });

  test('one run compares plain with re-balanced confusions', () => {
    assert.deepEqual(textsOf(pageOf([runs[0]!]), '#confusions h3'), ['Plain', 'Re-balanced']);
    assert.deepEqual(textsOf(page, '#confusions h3'), ['gala', 'cross_entropy']);
  });

  test('names are text, whatever is in them', () => {
    const classNames = ['<b>&amp;', '"quoted"', '</title><script>', 'a', 'b', 'c', 'd', 'e', 'f'];
    const [run] = readReportRuns([writeExampleRun(output, { classNames }).directory]);
    const html = reportHtml([run!]);
    assert.doesNotMatch(html, /<b>|<script/);
    assert.ok(textsOf(pageOf([run!]), '#classes .wide text').includes('<b>&amp; 500'));
  });

  test('each of 100 classes has its row; of thousands some are shown, and the page says how many', () => {
    const tail = (classes: number) =>
      Array.from({ length: classes }, (_, k) => Math.floor(500 * 0.01 ** (k / (classes - 1))));
    const [hundred] = readReportRuns([writeExampleRun(output, { classCounts: tail(100), images: 1000 }).directory]);
    const shown = textsOf(pageOf([hundred!]), '#classes .phone text');
    for (const klass of [0, 50, 99])
      assert.ok(
        shown.some(text => text.startsWith(`class ${klass} `)),
        `${klass}`,
      );
    assert.equal(shown.filter(text => text.startsWith('class ')).length, 100);
    const [many] = readReportRuns([writeExampleRun(output, { classCounts: tail(1000), images: 500 }).directory]);
    assert.doesNotMatch(reportHtml([many!]), /NaN|Infinity|undefined/, 'classes without test images have no numbers');
    assert.match(textsOf(pageOf([many!]), '#classes figcaption')[0]!, /Of the \d+ classes of many, 60 are shown/);
  });
});
