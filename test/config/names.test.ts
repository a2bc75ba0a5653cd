/** Names of configs that committed files hold stay names of configs. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.js';
import { listConfigs } from '../../src/config/locate.js';
import { configFiles } from './files.js';

const repository = resolve(import.meta.dirname, '../../..');
const listed = new Set(listConfigs().map(({ name }) => name));

test('every row of configs/expected.yaml is a config of that name', () => {
  const tables: Record<string, { rows: Record<string, string> }> = parse(
    readFileSync(join(repository, 'configs/expected.yaml'), 'utf8'),
  );
  const names = Object.values(tables).flatMap(({ rows }) => Object.values(rows));
  assert.ok(names.length > 0);
  for (const name of names) {
    assert.equal(loadConfig(name).config.name, name);
    assert.ok(listed.has(name), name);
  }
});

test('every committed record is of a config of that name', () => {
  const folder = join(repository, 'results');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.json'));
  const names = files.flatMap(file => {
    const { name } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { name?: string };
    return name === undefined ? [] : [name];
  });
  assert.ok(names.length > 0);
  for (const name of new Set(names)) assert.equal(loadConfig(name).config.name, name);
});

test('a name of several imbalance factors wants one, and takes any', () => {
  assert.equal(loadConfig('cifar100_lt/gala_if37').config.data.imbalance_factor, 37);
  assert.throws(() => loadConfig('cifar100_lt/gala_ifN'), /config of several imbalance factors/);
});

test('a file of several imbalance factors names others with its own factor', test => {
  const path = configFiles(test, {
    'student_ifN.yaml': 'extends: [cifar100_lt/gala_ifN]\ndistill: { teacher: cifar100_lt/gala_ifN }\n',
  });
  const { data, distill, loss } = loadConfig(path('student_if37.yaml')).config;
  assert.deepEqual([distill.teacher, data.imbalance_factor, loss.name], ['cifar100_lt/gala_if37', 37, 'gala']);
});
