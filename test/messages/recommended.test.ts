/** Commands in the strings of the source: a message that no fixture has recommends only what exists. */
import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import type { Command } from 'commander';
import { createProgram } from '../../src/cli/program.js';
import { recommendedByFixtures, recommendedBySource } from './recommended.js';

const root = resolve(import.meta.dirname, '../../..');
const program = createProgram();
const names = program.commands.map(command => command.name());

/** The first option that the command does not have. */
function faultOf(command: string): string | undefined {
  let found: Command = program;
  for (const word of command.split(' ')) {
    const next = found.commands.find(candidate => candidate.name() === word);
    if (next === undefined) break;
    found = next;
  }
  // `gala sweep` alone is `gala sweep start`.
  const start = found.commands.find(candidate => candidate.name() === 'start');
  const known = [...found.options, ...(start?.options ?? [])].map(({ long }) => long);
  const wrong = command.match(/(?<= )--[a-z][\w-]*/g)?.find(option => !known.includes(option));
  return wrong && `${found.name()} has no option ${wrong}`;
}

test('Every command that the source recommends exists and has these options', () => {
  const source = recommendedBySource(join(root, 'src'), names);
  const fixtures = recommendedByFixtures(join(root, 'test/fixtures/messages'), names);
  assert.ok(source.length > fixtures.length, `${source.length} found`);
  const faults = source.flatMap(({ where, command }) => {
    const fault = faultOf(command);
    return fault === undefined ? [] : [`${where}: gala ${command}: ${fault}`];
  });
  assert.deepEqual(faults, []);
});
