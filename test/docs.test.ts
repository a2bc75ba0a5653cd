/** What the documentation refers to exists: linked files and headings, files of the repository, tests. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';
import { test } from 'node:test';

const repository = resolve(import.meta.dirname, '../..');
const pages = ['.', 'docs'].flatMap(folder =>
  readdirSync(join(repository, folder))
    .filter(name => name.endsWith('.md'))
    .map(name => join(folder, name)),
);

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

/** The first group of every match in the text of a page, blocks of code left out. */
function matches(page: string, pattern: RegExp): string[] {
  const text = readFileSync(join(repository, page), 'utf8').replace(/^```.*?^```/gms, '');
  return [...text.matchAll(pattern)].map(([, group]) => group!);
}
