/** The report in a real headless Chromium: what it loads, what it complains about, and whether it fits a phone. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { visibleLine } from '../../src/io/visibleText.js';
import { reportHtml } from '../../src/report/html.js';
import { readReportRuns } from '../../src/report/reportRun.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { longTail, writeExampleRun } from './exampleRuns.js';

const candidates = [
  process.env.GALA_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
const executablePath = candidates.find(path => path !== undefined && existsSync(path));
const skip =
  executablePath === undefined &&
  'there is no Chromium; scripts/test-tools.sh installs one, or name it in GALA_CHROMIUM';
const folder = temporaryFolder();
const file = join(folder, 'report.html');

describe('the report in Chromium', { skip }, () => {
  let browser: Browser;

  before(async () => {
    const classCounts = Array.from({ length: 100 }, (_, k) => Math.floor(500 * 0.01 ** (k / 99)));
    const names = ['set/gala', 'set/a_name_that_is_much_too_long_for_the_width_of_a_phone_to_hold_it'];
    const classNames = classCounts.map((_, klass) => `${klass} MMMM_WWWW_MMMM_WWWW_MMMM`);
    const example = { classCounts, classNames, images: 1000, gradients: true };
    const runs = names.map(name => writeExampleRun(folder, { name, ...example }));
    writeFileSync(file, reportHtml(readReportRuns(runs.map(({ directory }) => directory))));
    // The sandbox needs rights that containers and root do not have; the page is ours and runs no script.
    const args = [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ];
    browser = await chromium.launch({ executablePath: executablePath!, args });
  });
  after(() => browser?.close());

  for (const width of [390, 1100]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      test(`at ${width} px, ${colorScheme}: no error, no request, no sideways scrolling, every plot inside the page`, async () => {
        const page = await browser.newPage({ viewport: { width, height: 844 }, colorScheme });
        const complaints: string[] = [];
        const requests: string[] = [];
        page.on('console', message => complaints.push(message.text()));
        page.on('pageerror', error => complaints.push(error.message));
        page.on('request', request => requests.push(request.url()));
        const address = pathToFileURL(file).href;
        await page.goto(address);
        const seen = (await page.evaluate(measurement)) as Measurement;
        await page.close();
        assert.deepEqual(complaints, []);
        assert.deepEqual(
          requests.filter(url => !url.startsWith('data:')),
          [address],
        );
        assert.equal(seen.scrollWidth, width);
        assert.ok(seen.plots >= 14 && seen.clipped.length === 0, JSON.stringify(seen));
        assert.deepEqual(seen.overlapping, []);
        assert.equal(seen.smallestText, 12);
        assert.equal(seen.isDark, colorScheme === 'dark');
      });
    }
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
