/**
 * Every error that a person can get has a place and a next step. The text of one error of each kind is compared with
 * test/fixtures/messages.txt. After a change that is meant: `GALA_UPDATE_MESSAGES=1 npm test -- messages/`, then read
 * the difference as somebody would who sees it for the first time.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { after, test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';
import { casesByRoom } from './cases.js';
import { coverage, type Message, messagesOf } from './catalogue.js';

const fixture = resolve(import.meta.dirname, '../../../test/fixtures/messages.txt');

/** One case of each kind of error. */
const kinds: Readonly<Record<keyof typeof casesByRoom, readonly string[]>> = {
  commands: ['a misspelt command', 'a seed that is no number', 'CIFAR without its folder', 'a table of nothing'],
  configs: [
    'a config that does not exist',
    'a misspelt key',
    'a value out of range',
    'a bracket that is not closed',
    'configs that extend each other',
    'several problems at once',
    'a warm-up as long as the training',
  ],
  data: ['CIFAR with a file cut off', 'a class without images', 'a worker that runs out of memory'],
  engine: ['no PJRT plugin', 'an installation without network', 'a program with a state entry of its own'],
  images: ['a list with a line without a class', 'an image that is cut off', 'a PyTorch file with two networks'],
  results: ['a record beside that of another run', 'a table of runs of which none is finished'],
  runs: [
    'a folder that is no run',
    'a run folder in which this process works already',
    'two checkpoints that are damaged',
    'weights of another network',
  ],
  storage: ['a full disk', 'missing permission', 'a safetensors file cut off'],
  sweeps: ['a name that is taken', 'a SLURM option of a wrong kind', 'a cluster whose job arrays are too small'],
};

const temporary = temporaryFolder();
const read = readFileSync(fixture, 'utf8');
const written: string[] = [];

/** The places of an error: the command line that commander shows, or the line `where:`. */
function faultOf({ text }: Message): string | undefined {
  if (!/^error: \S/m.test(text)) return 'has no error';
  if (!/^exit: {2}[2-5]$/m.test(text)) return 'has no exit code of its own';
  if (/\bundefined\b|\[object /.test(text.replace(/^\$ .*$/m, ''))) return 'shows a value of JavaScript';
  // commander names the option in the error.
  if (/^\(gala --help/m.test(text)) return undefined;
  if (!/^next: {2}\S/m.test(text)) return 'has no next step';
  // An engine's error may come from the program itself, which has no line.
  if (!/^where: \S/m.test(text) && !/^exit: {2}5$/m.test(text)) return 'has no place';
  return undefined;
}

for (const [room, cases] of Object.entries(casesByRoom)) {
  test(`Every error about ${room} has a place and a next step`, async () => {
    const messages = await messagesOf(cases, temporary);
    assert.deepEqual(
      messages.flatMap(message => {
        const fault = faultOf(message);
        return fault === undefined ? [] : [`${message.title} ${fault}:\n${message.text}`];
      }),
      [],
    );
    for (const title of kinds[room]!) {
      const message = messages.find(candidate => candidate.title === title);
      assert.ok(message, `no case ${title}`);
      const paragraph = `== ${title}\n${message.text}`;
      written.push(paragraph);
      if (process.env.GALA_UPDATE_MESSAGES) continue;
      assert.ok(read.split(/\n(?=== )/).includes(paragraph), `not in ${fixture}:\n${paragraph}`);
    }
  });
}

after(() => {
  if (process.env.GALA_UPDATE_MESSAGES) writeFileSync(fixture, written.join('\n'));
  const { places, reached, missing } = coverage();
  console.log(
    `${reached} of ${places} places in the source that make an error were reached; not: ${missing.join(', ')}`,
  );
});
