import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { asNamePart, isExperimentName } from '../../src/config/experimentName.js';
import { loadConfig } from '../../src/config/load.js';
import { nameFromPath } from '../../src/config/locate.js';
import { configFiles, smallest } from './files.js';

test('files of any script keep their names apart', t => {
  assert.deepEqual(
    ['größe.yaml', '实验.yaml', '実験-2.yaml', 'опыт.yaml', 'हिन्दी.yaml'].map(file =>
      nameFromPath(`/a/configs/${file}`),
    ),
    ['größe', '实验', '実験-2', 'опыт', 'हिन्दी'],
  );
  const path = configFiles(t, { '实验.yaml': smallest, 'name.yaml': `${smallest}name: ablation/größe\n` });
  assert.equal(loadConfig(path('实验.yaml')).config.name, '实验');
  assert.equal(loadConfig(path('name.yaml')).config.name, 'ablation/größe');
});

test('a name does not depend on how the file system writes accents', () => {
  assert.equal(nameFromPath('/a/gro\u0308ße.yaml'), 'größe'.normalize('NFC'));
});

test('every file name gives a name, and no name leads out of its folder or is hidden', () =>
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      const part = asNamePart(text);
      assert.ok(isExperimentName(part), JSON.stringify(part));
      assert.ok(!part.includes('/') && !part.startsWith('.') && !part.startsWith('-'));
    }),
  ));

test('what a shell or a terminal could take for more than a name is refused', () => {
  for (const name of [
    '',
    '..',
    'a/../b',
    '/a',
    'a/',
    'a//b',
    '.a',
    '-a',
    'a b',
    'a\nb',
    'a\u001b[1m',
    'a;b',
    'a$b',
    'a\u200bb',
    '\u0301a',
  ])
    assert.ok(!isExperimentName(name), JSON.stringify(name));
});
