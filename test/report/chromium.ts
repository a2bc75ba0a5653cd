/** A headless Chromium for the tests of the report and the picture of it in the README. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const candidates = [
  process.env.GALA_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
const executablePath = candidates.find(path => path !== undefined && existsSync(path));

/** Why there is none; undefined where there is one. */
export const chromiumIsMissing =
  executablePath === undefined
    ? 'there is no Chromium; scripts/test-tools.sh installs one, or name it in GALA_CHROMIUM'
    : undefined;

/** Starts the browser; throws where there is none. */
export function launchChromium(): Promise<Browser> {
  if (executablePath === undefined) throw new Error(chromiumIsMissing);
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
  return chromium.launch({ executablePath, args });
}
