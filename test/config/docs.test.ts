import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { configFileSchemaText } from '../../src/config/jsonSchema.js';
import { describeKeys } from '../../src/config/keys.js';
import { keyTable } from '../../src/config/keyTable.js';
import { complaint, configFiles } from './files.js';

const repository = resolve(import.meta.dirname, '../../..');
const page = readFileSync(resolve(repository, 'docs/configs.md'), 'utf8');

test('the committed configs/schema.json is current (else: npm run docs:config)', () => {
  assert.equal(readFileSync(resolve(repository, 'configs/schema.json'), 'utf8'), configFileSchemaText());
});

test('the schema of a file is draft 2020-12, allows extends, requires nothing and describes every key', () => {
  const text = configFileSchemaText();
  const schema = JSON.parse(text);
  assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
  assert.deepEqual(Object.keys(schema.properties).slice(0, 3), ['extends', 'name', 'seed']);
  assert.equal(schema.additionalProperties, false);
  assert.ok(!text.includes('"required"'));
  for (const { key, description } of describeKeys()) assert.notEqual(description, '', `${key} has no description`);
});

test('docs/configs.md has the table of all keys and no other row (else: npm run docs:config)', () => {
  assert.ok(page.includes(`\n\n${keyTable()}\n`));
  assert.equal(page.match(/^\| key \| value \|/gm)?.length, 1);
});

test('the example of errors in docs/configs.md is what the loader says', t => {
  const blocks = [...page.matchAll(/```(yaml|text)\n(.*?)```/gs)].map(match => match[2]!);
  const [, yaml, expected] = blocks;
  const path = configFiles(t, { 'my.yaml': yaml! })('my.yaml');
  assert.equal(`${complaint(path, { set: ['eval.tau=one'] }).message}\n`, expected);
});
