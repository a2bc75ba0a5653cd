import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { configHash } from '../../src/config/identity.js';
import { loadConfig } from '../../src/config/load.js';
import { listConfigs } from '../../src/config/locate.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { changedFile } from './changes.js';
import { fuzz } from './fuzz.js';

const folder = temporaryFolder();
const path = join(folder, 'fuzzed.yaml');
mkdirSync(join(folder, 'a folder'));

/** Every config of the package, as written and with all keys resolved. */
const valid = listConfigs().flatMap(config => [readFileSync(config.path, 'utf8'), loadConfig(config.name).yaml]);

/** Loads the text; a config that is valid must resolve to a text that is the same experiment. */
function load(text: string | Uint8Array, set: readonly string[] = []): void {
  writeFileSync(path, text);
  const { config, yaml } = loadConfig(path, { set });
  writeFileSync(path, yaml);
  assert.equal(configHash(loadConfig(path).config), configHash(config));
}

const oddValue = fc.oneof(
  fc.constantFrom(
    '',
    '~',
    'null',
    'true',
    'yes',
    '.nan',
    '.inf',
    '-.inf',
    '-1',
    '0',
    '1.5',
    '1e999',
    '0x10',
    '0o7',
    '1_000',
    '9007199254740993',
  ),
  fc.constantFrom(
    '[]',
    '{}',
    '[1, 2',
    '"',
    "'",
    '"\\u0000"',
    '|',
    '>-',
    '&a [*a]',
    '*nothing',
    '!!js/function x',
    '!!binary aGk=',
    '2026-01-01',
    '? a',
  ),
  fc.constantFrom(
    '<<: {a: 1}',
    '{__proto__: 1}',
    '{constructor: {prototype: 1}}',
    '💥',
    '\u202e',
    'auto',
    'gala',
    'test',
    'a: b: c',
    '- - -',
    '...',
    '---',
  ),
  fc.integer({ min: 1, max: 4000 }).map(depth => '['.repeat(depth)),
  fc.integer({ min: 1, max: 3000 }).map(depth => '{a: '.repeat(depth)),
  fc.integer({ min: 1, max: 60_000 }).map(length => 'x'.repeat(length)),
  fc
    .integer({ min: 1, max: 30 })
    .map(depth =>
      Array.from({ length: depth }, (_, i) =>
        i === 0 ? 'a0: &a0 [1, 1]' : `a${i}: &a${i} [*a${i - 1}, *a${i - 1}]`,
      ).join('\n'),
    ),
  fc.string({ unit: 'binary' }),
  fc.json(),
);
const place = fc.nat(0x7fffffff);

type Edit = (lines: string[]) => string[];
const edit: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(place, oddValue).map(
      ([at, value]): Edit =>
        lines =>
          replaced(lines, at, line => line.replace(/:.*$/, `: ${value}`)),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(place, oddValue).map(
      ([at, key]): Edit =>
        lines =>
          replaced(lines, at, line => line.replace(/^(\s*)[^:]*/, `$1${key}`)),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(place, fc.constantFrom('  ', '\t', '- ', '# ')).map(
      ([at, start]): Edit =>
        lines =>
          replaced(lines, at, line => start + line),
    ),
  },
  {
    weight: 1,
    arbitrary: place.map(
      (at): Edit =>
        lines =>
          replaced(lines, at, line => line.trimStart()),
    ),
  },
  {
    weight: 1,
    arbitrary: place.map(
      (at): Edit =>
        lines =>
          lines.filter((_, i) => i !== at % lines.length),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(place, place).map(
      ([from, to]): Edit =>
        lines =>
          lines.toSpliced(to % lines.length, 0, lines[from % lines.length]!),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(place, oddValue).map(
      ([at, value]): Edit =>
        lines =>
          lines.toSpliced(at % lines.length, 0, value),
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(
        'fuzzed',
        './fuzzed.yaml',
        'a folder',
        '/',
        '/dev/null',
        '..',
        'cifar100_lt',
        '[cifar100_lt/gala_if100, cifar10_lt/gala_if10]',
        '[]',
        '{}',
        '\u0000',
      )
      .map(
        (parent): Edit =>
          lines => [`extends: ${parent}`, ...lines.filter(line => !line.startsWith('extends'))],
      ),
  },
);

function replaced(lines: string[], at: number, change: (line: string) => string): string[] {
  return lines.length === 0 ? lines : lines.with(at % lines.length, change(lines[at % lines.length]!));
}

const editedConfig = fc
  .tuple(fc.nat(valid.length - 1), fc.array(edit, { minLength: 1, maxLength: 3 }))
  .map(([config, edits]) =>
    edits.reduce((lines, apply) => (lines.length === 0 ? lines : apply(lines)), valid[config]!.split('\n')).join('\n'),
  );

test('A valid config with edited lines is loaded or refused', t =>
  fuzz(t, editedConfig, { read: text => load(text), bytes: text => Buffer.byteLength(text) }));

test('A valid config with changed bytes is loaded or refused', t =>
  fuzz(t, changedFile(...valid.map(text => Buffer.from(text))), {
    read: bytes => load(bytes),
    bytes: bytes => bytes.length,
  }));

const key = fc.oneof(
  fc.constantFrom(
    'loss.lambda1',
    'train.epochs',
    'data',
    'data.augment',
    'name',
    'seed',
    'extends',
    'loss.name',
    'optim.warmup_epochs',
    '__proto__.x',
    'loss.__proto__',
    'a.b.c.d',
  ),
  fc.string(),
);
const assignment = fc.oneof(
  fc.tuple(key, oddValue).map(([name, value]) => `${name}=${value}`),
  fc.string(),
);

test('A valid config under any --set is loaded or refused', t =>
  fuzz(t, fc.tuple(fc.nat(valid.length - 1), fc.array(assignment, { minLength: 1, maxLength: 4 })), {
    read: ([config, set]) => load(valid[config]!, set),
    bytes: ([config, set]) => valid[config]!.length + set.join('').length,
  }));
