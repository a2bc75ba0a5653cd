/**
 * Every message that a person can get, provoked and compared with the one in test/fixtures/messages. After a change
 * that is meant: `GALA_UPDATE_MESSAGES=1 npm test -- messages/`, then read the difference as somebody would who sees it
 * for the first time.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';
import { type Cases, catalogue, coverage } from './catalogue.js';
import { commandCases } from './commands.js';
import { configCases } from './configs.js';
import { dataCases } from './data.js';
import { engineCases } from './engine.js';
import { imageCases } from './images.js';
import { resultCases } from './results.js';
import { runCases } from './runs.js';
import { storageCases } from './storage.js';
import { sweepCases } from './sweeps.js';

const temporary = temporaryFolder();
const fixtures = resolve(import.meta.dirname, '../../../test/fixtures/messages');
const groups: Readonly<Record<string, Cases>> = {
  commands: commandCases,
  configs: configCases,
  data: dataCases,
  engine: engineCases,
  images: imageCases,
  results: resultCases,
  runs: runCases,
  storage: storageCases,
  sweeps: sweepCases,
};

for (const [name, cases] of Object.entries(groups)) {
  test(`The messages about ${name} are those that were read and found clear`, async () => {
    const text = await catalogue(cases, temporary);
    const path = join(fixtures, `${name}.txt`);
    if (process.env.GALA_UPDATE_MESSAGES) writeFileSync(path, text);
    assert.equal(
      text,
      readFileSync(path, 'utf8'),
      `if the change is meant: GALA_UPDATE_MESSAGES=1 npm test -- messages/`,
    );
    const withoutRemedy = text
      .split('\n\n')
      .filter(paragraph => !/^next: {2}|^\(gala --help|did you mean/im.test(paragraph));
    assert.deepEqual(withoutRemedy, [], 'every message says what to do next');
  });
}

after(() => {
  const { places, reached, missing } = coverage();
  console.log(
    `${reached} of ${places} places in the source that make an error were reached; not: ${missing.join(', ')}`,
  );
});
