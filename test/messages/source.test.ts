/** Messages in the source, with a case or without: each error has a place and a next step, each command exists. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import type { Command } from 'commander';
import ts from 'typescript';
import { createProgram } from '../../src/cli/program.js';
import { recommendedBySource } from './recommended.js';

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
  assert.ok(source.length > 20, `${source.length} found`);
  const faults = source.flatMap(({ where, command }) => {
    const fault = faultOf(command);
    return fault === undefined ? [] : [`${where}: gala ${command}: ${fault}`];
  });
  assert.deepEqual(faults, []);
});

/** The errors of a file that a user can cause and that lack `where` or `next`: file, line and key. */
function incompleteErrors(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(join(root, 'src', file), 'utf8'), ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    ts.forEachChild(node, visit);
    if (!ts.isNewExpression(node) || !/^(Config|Data|Storage|Diverged)Error$/.test(node.expression.getText())) return;
    const details = node.arguments?.[1];
    if (details !== undefined && !ts.isObjectLiteralExpression(details)) return;
    const properties = details?.properties ?? [];
    if (properties.some(ts.isSpreadAssignment)) return;
    const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    for (const key of ['where', 'next'])
      if (!properties.some(({ name }) => name?.getText() === key)) found.push(`${file}:${line} has no ${key}`);
  };
  visit(source);
  return found;
}

test('Every error that a user can cause names its place and a next step', () => {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(file =>
    file.endsWith('.ts'),
  );
  assert.deepEqual(files.flatMap(incompleteErrors), []);
});
