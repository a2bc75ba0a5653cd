import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseHTML } from 'linkedom';
import { reportHtml } from '../../src/report/html.js';
import { type ReportRun, readReportRuns } from '../../src/report/reportRun.js';
import { meanAndStd } from '../../src/results/compare.js';
import { exampleRecord } from '../run/example.js';
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

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;
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
    const sections = Array.from(page.querySelectorAll('main > *'), ({ id }) => id).filter(id => id !== '');
    assert.deepEqual(sections, ['answer', ...names, 'runs'], 'the answer first, its sources last');
    const links = Array.from(page.querySelectorAll('nav a'), link => link.getAttribute('href'));
    assert.deepEqual(
      links,
      [...names, 'runs'].map(name => `#${name}`),
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
      /gala: checkpoint best of epoch 2 \(selected on test\); cross_entropy: checkpoint last of epoch 3/,
    );
  });

  test('legends and headings name both runs', () => {
    for (const id of ['groups', 'curves', 'frequency', 'mass', 'tau', 'classes']) {
      assert.deepEqual(textsOf(page, `#${id} .legend li`).slice(0, 2), ['gala', 'cross_entropy'], id);
    }
    assert.match(textsOf(page, '#calibration h3').join('; '), /^gala: ECE \d+\.\d\s%; cross_entropy: ECE/);
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
      Array.from(page.querySelectorAll('#runs tbody tr'), row => {
        const values = textsOf(row, 'li');
        return [textsOf(row, 'th')[0]!, values.length > 0 ? values : textsOf(row, 'td')];
      }),
    );
    assert.match(rows.get('last evaluated epoch')![0]!, /^60\.00 % plain, re-balanced 63\.00 % \(epoch 3\)$/);
    assert.match(rows.get('training images')![0]!, /10847 images.*imbalance factor 100, subset seed 5, sha256 cd$/);
    assert.deepEqual(rows.get('config'), ['gala: set/gala', 'cross_entropy: set/cross_entropy']);
    assert.deepEqual(rows.get('status'), ['finished, 200 of 200 epochs'], 'what all runs share is said once');
  });

  test('it begins with what the runs are of and with their scores, plain and re-balanced', () => {
    const facts = textsOf(page, '#answer .facts tr');
    assert.match(
      facts[0]!,
      /^datacifar100, 10847 training images in 9 classes of 500 to 5, .*factor 100, 300 test images$/,
    );
    assert.match(facts.at(-1)!, /gala: checkpoint best of epoch 2 .*cross_entropy: checkpoint last of epoch 3/);
    const heads = textsOf(page, '.scores thead th');
    assert.deepEqual(heads, ['config', 'predictions', 'all', 'many', 'medium', 'few', 'balanced', 'macro-F1', 'top-5']);
    const lines = Array.from(page.querySelectorAll('.scores tbody tr'), row => textsOf(row, 'td'));
    const [gala, other] = runs.map(({ scores }) => [scores.plain, scores.rebalanced, scores.equalMasses]);
    assert.equal(lines.length, 6);
    for (const [line, scores] of [...gala!, ...other!].entries())
      assert.ok(lines[line]![0]!.startsWith(scores.top1.toFixed(2)), lines[line]!.join(' '));
    const difference = other![0]!.few! - gala![0]!.few!;
    assert.equal(textsOf(page, '.scores tbody tr')[3]!.endsWith(signed(difference)), true, lines[3]!.join(' '));
  });

  test('the sentence below the table explains the columns that it has', () => {
    const [five] = readReportRuns([writeExampleRun(output, { classCounts: [300, 100, 50, 10, 5] }).directory]);
    for (const shown of [page, pageOf([five!])]) {
      const hasTopFive = textsOf(shown, '.scores thead th').includes('top-5');
      assert.equal(shown === page, hasTopFive);
      assert.equal(/Top-5: /.test(textsOf(shown, '#answer p')[0]!), hasTopFive);
    }
  });

  test('seeds of one config are one series: mean ± standard deviation, one colour, and each run in the sources', () => {
    const seeded = [4, 5].map(seed => {
      const record = { config: { ...exampleRecord('set/gala').config, seed } };
      return writeExampleRun(output, { name: 'set/gala', images: 200 + seed, gradients: true, record }).directory;
    });
    const shown = readReportRuns([...seeded, writeExampleRun(output, { name: 'set/other' }).directory]);
    const seeds = pageOf(shown);
    assert.deepEqual(textsOf(seeds, '#curves .legend li').slice(0, 2), ['gala', 'other']);
    const { mean, std } = meanAndStd(shown.slice(0, 2).map(({ scores }) => scores.plain.top1));
    assert.equal(textsOf(seeds, '.scores td')[0], `${mean!.toFixed(2)} ± ${std!.toFixed(2)}`);
    assert.deepEqual(textsOf(seeds, '#gradients h3'), ['gala']);
    assert.match(textsOf(seeds, '#gradients figcaption')[0]!, /means over the seeds/);
    assert.match(textsOf(seeds, '#runs li').join('; '), /gala, seed 4: 4; gala, seed 5: 5/);
    assert.equal(textsOf(seeds, 'h1')[0], 'gala and other compared');
  });

  test('a sweep’s series are named by the keys in which they differ, by values alone', () => {
    const base = exampleRecord('set/gala').config;
    const swept = [0.1, 0.2].flatMap(learning_rate =>
      (['gala', 'cross_entropy'] as const).map(name => {
        const loss = name === 'gala' ? base.loss : { name };
        const record = { config: { ...base, loss, optim: { ...base.optim, learning_rate } } };
        return writeExampleRun(output, { name: 'set/gala', record }).directory;
      }),
    );
    const labels = readReportRuns(swept).map(({ label }) => label);
    for (const [label, part] of [labels[0]!, labels[3]!].map((label, k) => [label, ['gala', 'cross_entropy'][k]!]))
      assert.ok(label!.includes(`loss=${part}`), label);
    assert.ok(labels[3]!.includes('learning_rate=0.2'), labels[3]);
    assert.ok(
      labels.every(label => !label.includes('none') && !label.includes('set/gala')),
      labels.join('; '),
    );
  });

  test('more configs than colours are a table and small multiples', () => {
    const base = exampleRecord('set/gala').config;
    const rates = Array.from({ length: 9 }, (_, k) => (k + 1) / 10);
    const directories = rates.map(learning_rate => {
      const record = { config: { ...base, optim: { ...base.optim, learning_rate } } };
      return writeExampleRun(output, { name: 'set/gala', gradients: true, record }).directory;
    });
    const many = pageOf(readReportRuns(directories));
    const ids = Array.from(many.querySelectorAll('figure'), ({ id }) => id);
    assert.deepEqual(ids, ['groups', 'curves', 'frequency', 'gradients']);
    for (const id of ids.slice(1))
      assert.deepEqual(
        textsOf(many, `#${id} h3`),
        rates.map(rate => `learning_rate=${rate}`),
        id,
      );
    assert.equal(textsOf(many, '.scores tbody tr').length, 27);
    assert.match(textsOf(many, 'p#mass')[0]!, /^Not drawn: .*at most 8 configs/);
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

  test('many, medium and few have the bounds of the evaluation', () => {
    const [run] = runs;
    const bounded = { ...run!, evaluation: { ...run!.evaluation, groups: { many: 150, few: 10 } } };
    const bounds = pageOf([bounded]);
    assert.deepEqual(textsOf(bounds, '#classes h3'), ['Many (> 150 images)', 'Medium (10 to 150)', 'Few (< 10)']);
    assert.match(textsOf(bounds, '#answer p')[0]!, /more than 150 \(many\), 10 to 150 .* fewer than 10 \(few\)/);
  });

  test('where the runs differ in the bounds, each is named, and what is of other classes is not compared', () => {
    const [run, other] = runs;
    const bounds = { many: 150, few: 10 };
    const differing = pageOf([run!, { ...other!, evaluation: { ...other!.evaluation, groups: bounds } }]);
    for (const place of ['#answer p', '#groups figcaption'])
      assert.match(
        textsOf(differing, place)[0]!,
        /more than 100 \(many\), .* for gala, more than 150 \(many\), 10 to 150 .* for cross_entropy/,
        place,
      );
    const compared = Array.from(differing.querySelectorAll('.scores tbody tr'), row =>
      Array.from(row.querySelectorAll('td'), cell => cell.querySelector('small') !== null),
    );
    const isOfAll = [true, false, false, false, true, true, true];
    const none = isOfAll.map(() => false);
    assert.deepEqual(compared, [none, none, none, isOfAll, isOfAll, isOfAll], 'differences');
    const bold = Array.from(differing.querySelectorAll('.scores td b'), ({ textContent }) => textContent);
    assert.equal(bold.length >= 4, true, 'the best of all, balanced, macro-F1 and top-5');
    for (const group of ['many', 'medium', 'few'])
      assert.equal(differing.querySelector(`.scores td[data-column="${group}"] b`), null, group);
    const words = (page: Node) => textsOf(page, '#frequency .wide text').filter(text => text === 'medium');
    assert.equal(words(page).length, 2);
    assert.equal(words(differing).length, 0, 'an axis of all has no bounds of some');
    assert.match(textsOf(differing, '#classes figcaption')[0]!, /in groups and order of gala;/);
  });

  test('a class at 0 % has a stub of the colour of its run, and one without test images has none', () => {
    const marksOf = (accuracy: number) => {
      const plain = runs[0]!.accuracies.plain.map((value, klass) => (klass === 0 ? accuracy : value));
      const changed = pageOf([{ ...runs[0]!, accuracies: { ...runs[0]!.accuracies, plain } }]);
      const ticks = '#classes .wide g[aria-label="tick"][stroke="var(--run-0)"] line';
      return Array.from(changed.querySelectorAll(ticks)).length;
    };
    assert.equal(marksOf(0) - marksOf(0.5), 1);
    assert.equal(marksOf(Number.NaN), marksOf(0.5));
  });

  test('the legend of the curves shows dots where a curve has one point', () => {
    const marksOf = (epochs: number) => {
      const shown = pageOf(readReportRuns([writeExampleRun(output, { epochs, checkpoints: ['last'] }).directory]));
      const entries = Array.from(shown.querySelectorAll('#curves .legend svg'), ({ innerHTML }) => innerHTML);
      return entries.map(entry => (entry.includes('<circle') ? 'dot' : 'line'));
    };
    // Of exampleRuns the first epoch has a loss alone.
    assert.deepEqual(marksOf(1), ['dot', 'dot', 'dot']);
    assert.deepEqual(marksOf(2), ['line', 'dot', 'dot']);
    assert.deepEqual(marksOf(3), ['line', 'line', 'line']);
  });

  test('the title names up to three configs, and every figure begins with its caption', () => {
    assert.equal(textsOf(page, 'h1')[0], 'gala and cross_entropy compared');
    for (const figure of figures) assert.ok(figure.innerHTML.trim().startsWith('<figcaption><h2>'), figure.id);
  });

  test('no line break parts τ from its value or a number from its percent', () => {
    assert.match(textsOf(page, '#groups figcaption')[0]!, /τ\u00a0=\u00a01\./);
    assert.match(textsOf(page, '#calibration h3')[0]!, /\d\u00a0%$/);
  });

  test('names are text, whatever is in them', () => {
    const classNames = ['<b>&amp;', '"quoted"', '</title><script>', 'a', 'b', 'c', 'd', 'e', 'f'];
    const [run] = readReportRuns([writeExampleRun(output, { classNames }).directory]);
    const html = reportHtml([run!]);
    assert.doesNotMatch(html, /<b>|<script/);
    assert.ok(textsOf(pageOf([run!]), '#classes .wide text').includes('<b>&amp; (500)'));
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
