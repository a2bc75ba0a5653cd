/** The report in a real headless Chromium: what it loads, what it complains about, and whether it fits a phone. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { visibleLine } from '../../src/io/visibleText.js';
import { reportHtml } from '../../src/report/html.js';
import { readReportRuns } from '../../src/report/reportRun.js';
import { exampleRecord } from '../run/example.js';
import { describeUnless } from '../shared.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { chromiumIsMissing, launchChromium } from './chromium.js';
import { type ExampleRun, longTail, writeExampleRun } from './exampleRuns.js';

const skip = chromiumIsMissing ?? false;
const folder = temporaryFolder();
const file = join(folder, 'report.html');

const longTailOf = (classes: number) =>
  Array.from({ length: classes }, (_, k) => Math.floor(500 * 0.01 ** (k / (classes - 1))));
const longNames = longTailOf(100).map((_, klass) => `${klass} MMMM_WWWW_MMMM_WWWW_MMMM`);
const { config } = exampleRecord('set/gala');

/** Runs of a page and the plots that are shown of it. */
const scenes: Readonly<Record<string, { readonly runs: readonly ExampleRun[]; readonly plots: number }>> = {
  'two runs of long names': {
    runs: ['set/gala', 'set/a_name_that_is_much_too_long_for_the_width_of_a_phone_to_hold_it'].map(name => ({
      ...{ name, classCounts: longTailOf(100), classNames: longNames, images: 1000, gradients: true },
    })),
    plots: 19,
  },
  'a run of one epoch': { runs: [{ epochs: 1 }], plots: 14 },
  'a sweep of 2 × 3 with two seeds': {
    runs: [0.1, 0.2].flatMap(learning_rate =>
      [0, 0.2, 0.4].flatMap(mixup_alpha =>
        [1, 2].map(seed => {
          const train = { ...config.train, mixup_alpha };
          const record = { config: { ...config, seed, train, optim: { ...config.optim, learning_rate } } };
          return { name: 'set/gala', gradients: true, record };
        }),
      ),
    ),
    plots: 35,
  },
  'twelve configs': {
    runs: Array.from({ length: 12 }, (_, k) => {
      const record = { config: { ...config, optim: { ...config.optim, weight_decay: (k + 1) * 1e-4 } } };
      return { name: 'set/gala', gradients: true, record };
    }),
    plots: 40,
  },
};

describeUnless(skip, 'the report in Chromium', () => {
  let browser: Browser;

  before(async () => {
    for (const [name, { runs }] of Object.entries(scenes)) {
      const folders = runs.map(run => writeExampleRun(join(folder, name), run).directory);
      writeFileSync(join(folder, `${name}.html`), reportHtml(readReportRuns(folders)));
    }
    browser = await launchChromium();
  });
  after(() => browser?.close());

  for (const [name, { plots }] of Object.entries(scenes)) {
    test(`of ${name}: no error, no request, no sideways scrolling, every plot inside the page`, async () => {
      for (const width of [390, 700, 1100]) {
        for (const colorScheme of ['light', 'dark'] as const) {
          const page = await browser.newPage({ viewport: { width, height: 844 }, colorScheme });
          const complaints: string[] = [];
          const requests: string[] = [];
          page.on('console', message => complaints.push(message.text()));
          page.on('pageerror', error => complaints.push(error.message));
          page.on('request', request => requests.push(request.url()));
          const address = pathToFileURL(join(folder, `${name}.html`)).href;
          await page.goto(address);
          const seen = (await page.evaluate(measurement)) as Measurement;
          await page.close();
          assert.deepEqual(complaints, []);
          assert.deepEqual(
            requests.filter(url => !url.startsWith('data:')),
            [address],
          );
          assert.equal(seen.scrollWidth, width);
          assert.equal(seen.plots, plots);
          assert.deepEqual(seen.clipped, []);
          assert.deepEqual(seen.overlapping, []);
          assert.equal(seen.smallestText, 12);
          assert.equal(seen.isDark, colorScheme === 'dark');
        }
      }
    });
  }

  test('names of classes are text, whatever is in them', async () => {
    const classNames = [
      '<img src=x onerror=alert(1)>',
      '</title><script>alert(1)</script>',
      '"quoted" & \'so\'',
      '&lt;b&gt;',
      '-->',
      ']]>',
      '\u202egnp.exe',
      '\u001b[31m\r\n',
      '0.123456789',
    ];
    const example = writeExampleRun(folder, { classCounts: longTail, classNames, gradients: true });
    writeFileSync(file, reportHtml(readReportRuns([example.directory])));
    const page = await browser.newPage();
    await page.goto(pathToFileURL(file).href);
    const titles = (await page.evaluate(
      "[...document.querySelectorAll('#classes title')].map(t => t.textContent)",
    )) as string[];
    const others = await page.evaluate("document.querySelectorAll('img, script, b').length");
    await page.close();
    for (const name of classNames)
      assert.ok(
        titles.some(title => title.includes(`: ${visibleLine(name)}, plain`)),
        name,
      );
    assert.equal(others, 0);
  });
});

interface Measurement {
  readonly scrollWidth: number;
  /** Plots that are shown. */
  readonly plots: number;
  /** Texts that stick out of their plot. */
  readonly clipped: readonly string[];
  /** Pairs of tick labels of one axis that lie on each other. */
  readonly overlapping: readonly string[];
  /** Height of the smallest text of a plot as it is shown, px. */
  readonly smallestText: number;
  readonly isDark: boolean;
}

/** Runs in the page, as text because the compiler knows no DOM here. */
const measurement = `(() => {
  const plots = [...document.querySelectorAll('svg.plot')].filter(svg => svg.getBoundingClientRect().width > 0);
  const clipped = [], overlapping = [];
  let smallestText = Infinity;
  for (const svg of plots) {
    const frame = svg.getBoundingClientRect();
    smallestText = Math.min(smallestText, parseFloat(getComputedStyle(svg).fontSize) * frame.width / svg.viewBox.baseVal.width);
    for (const text of svg.querySelectorAll('text')) {
      const box = text.getBoundingClientRect();
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
        clipped.push(text.textContent + ' in ' + svg.getAttribute('aria-label'));
    }
    for (const axis of svg.querySelectorAll('[aria-label$="tick label"]')) {
      const boxes = [...axis.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
      for (const [a, first] of boxes) for (const [b, second] of boxes)
        if (a < b && Math.min(first.right, second.right) - Math.max(first.left, second.left) > 1 && Math.min(first.bottom, second.bottom) - Math.max(first.top, second.top) > 3)
          overlapping.push(a + ' and ' + b + ' in ' + svg.getAttribute('aria-label'));
    }
  }
  const background = getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number);
  return { scrollWidth: document.documentElement.scrollWidth, plots: plots.length, clipped, overlapping, smallestText: Math.round(smallestText * 10) / 10, isDark: background[0] < 128 };
})()`;
