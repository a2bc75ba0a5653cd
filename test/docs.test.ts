/** What the documentation refers to exists: linked files and headings, files of the repository, tests, commands, keys. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';
import { test } from 'node:test';
import { parseDocument } from 'yaml';
import { createProgram } from '../src/cli/program.js';
import { describeKeys } from '../src/config/keys.js';

const repository = resolve(import.meta.dirname, '../..');
const pages = ['.', 'docs'].flatMap(folder =>
  readdirSync(join(repository, folder))
    .filter(name => name.endsWith('.md'))
    .map(name => join(folder, name)),
);

const program = createProgram();
const keys = describeKeys().map(({ key }) => key);
const sections = new Set(keys.filter(key => key.includes('.')).map(key => key.split('.')[0]));
/** The form of a key in a section; files of datasets and logs have other endings. */
const keyForm = new RegExp(`^(${[...sections].join('|')})\\.(?!(bin|txt|log)$)[\\w.]*\\w$`);

for (const page of pages) {
  test(`${page} has no dead link`, () => {
    const links = matches(page, /\]\(([^)\s]+)\)/g).filter(target => !/^(https?|mailto):/.test(target));
    assert.deepEqual(
      links.filter(target => !leadsSomewhere(page, target)),
      [],
    );
  });

  test(`${page} names only files of the repository that exist`, () => {
    const paths = matches(page, /`((?:bin|configs|datasets|docs|scripts|src|test)\/[\w./-]+\.\w+)`/g);
    assert.deepEqual(
      paths.filter(path => !existsSync(join(repository, path))),
      [],
    );
  });

  test(`${page} names only commands and options that gala has`, () => {
    assert.deepEqual(
      commandsOf(page).filter(command => !isCommand(command)),
      [],
    );
  });

  test(`${page} has only YAML that can be read`, () => {
    const errors = blocksOf(page, 'yaml').flatMap(block => parseDocument(block).errors.map(({ message }) => message));
    assert.deepEqual(errors, []);
  });

  test(`${page} names only keys that a config can have`, () => {
    const words = matches(page, /`([^`]+)`/g).flatMap(span => span.split(/[\s=:]+/));
    const named = words.map(word => word.replace(/^stages\.\w+\./, '')).filter(word => keyForm.test(word));
    assert.deepEqual(
      named.filter(word => !keys.some(key => `${key}.`.startsWith(`${word}.`))),
      [],
    );
  });
}

test('docs/reliability.md names only tests that exist', () => {
  const lastColumns = matches('docs/reliability.md', /^\|.*\| ([^|]+) \|$/gm);
  const names = lastColumns.flatMap(cell => [...cell.matchAll(/`(\w+\/\w+)`/g)].map(([, name]) => name!));
  const missing = names.filter(
    name => ![`${name}.test.ts`, name].some(path => existsSync(join(repository, 'test', path))),
  );
  assert.ok(names.length > 0);
  assert.deepEqual(missing, []);
});

function leadsSomewhere(page: string, target: string): boolean {
  const [path = '', heading] = target.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(join(repository, file))) return false;
  return heading === undefined || anchorsOf(file).includes(heading);
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(page: string): string[] {
  return matches(page, /^#+ (.*)$/gm).map(heading =>
    heading
      .replace(/\]\([^)]*\)/g, '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The commands in a page: `gala …` in its text, and the lines of its blocks, without comments. */
function commandsOf(page: string): string[] {
  const lines = blocksOf(page).flatMap(block => block.replaceAll('\\\n', ' ').split('\n'));
  return [...matches(page, /`(gala [^`]+)`/g), ...lines.filter(line => line.startsWith('gala '))].map(command =>
    command.replace(/ #.*/, ''),
  );
}

/** The blocks of code in a page, of one language or of all. */
function blocksOf(page: string, language?: string): string[] {
  const text = readFileSync(join(repository, page), 'utf8');
  const blocks = [...text.matchAll(/^```(\w*)[^\n]*\n(.*?)^```$/gms)];
  return blocks.filter(([, own]) => language === undefined || own === language).map(([, , block]) => block!);
}

/** Whether gala has the command and all options in it. */
function isCommand(text: string): boolean {
  const [, ...words] = text.split(/\s+/);
  let command = program;
  for (const word of words) command = command.commands.find(child => child.name() === word) ?? command;
  const options = [program, command, ...command.commands].flatMap(({ options }) => options.map(({ long }) => long));
  const isNamed = command !== program || /^(-|COMMAND$)/.test(words[0]!);
  return isNamed && [...text.matchAll(/--[a-z-]+/g)].every(([option]) => ['--help', ...options].includes(option));
}

/** The first group of every match in the text of a page, blocks of code left out. */
function matches(page: string, pattern: RegExp): string[] {
  const text = readFileSync(join(repository, page), 'utf8').replace(/^```.*?^```/gms, '');
  return [...text.matchAll(pattern)].map(([, group]) => group!);
}
