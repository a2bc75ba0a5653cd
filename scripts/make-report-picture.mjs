// node scripts/make-report-picture.mjs RUN_FOLDER…: docs/report.png, the top of the report of these runs, for the
// README. After npm run build and scripts/test-tools.sh; the runs of `gala quickstart` are those of the picture in the
// repository.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { reportHtml } from '../dist/src/report/html.js';
import { readReportRuns } from '../dist/src/report/reportRun.js';
import { launchChromium } from '../dist/test/report/chromium.js';

const runs = process.argv.slice(2);
if (runs.length === 0) {
  process.stderr.write('error: no run folder was given.\nnext:  node scripts/make-report-picture.mjs RUN_FOLDER…\n');
  process.exit(2);
}
/** Px of the page; twice as many in the picture. */
const width = 1000;

const folder = mkdtempSync(join(tmpdir(), 'gala-picture-'));
const browser = await launchChromium();
try {
  const page = await browser.newPage({ viewport: { width, height: 900 }, deviceScaleFactor: 2, colorScheme: 'light' });
  const file = join(folder, 'report.html');
  writeFileSync(file, reportHtml(readReportRuns(runs)));
  await page.goto(pathToFileURL(file).href);
  const picture = fileURLToPath(new URL('../docs/report.png', import.meta.url));
  // To the end of the first figure; a palette of 256 colours makes a third of the size.
  const { y, height } = await page.locator('#groups .panels').boundingBox();
  const png = await page.screenshot({ fullPage: true, clip: { x: 0, y: 0, width, height: y + height + 10 } });
  await sharp(png).png({ palette: true, compressionLevel: 9 }).toFile(picture);
  process.stderr.write(`Written: ${picture}\n`);
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
