/** Which runs a sweep consists of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from '../../src/errors.js';
import { expandPoints, parseValues, type SweepSpec } from '../../src/sweep/points.js';

const spec = (given: Partial<SweepSpec>): SweepSpec => ({
  config: 'cifar100_lt/gala_if100',
  set: new Map(),
  grid: new Map(),
  list: [],
  exclude: [],
  ...given,
});

/** `label|seed|subset seed` of every point. */
const pointsOf = (given: Partial<SweepSpec>) =>
  expandPoints(spec(given)).points.map(({ label, loaded: { config } }) =>
    [label, config.seed, config.data.subset_seed].join('|'),
  );

const lambdas = new Map([['loss.lambda1', ['1.0', '1.1']]]);

test('A grid is every combination, seeds vary fastest and draw the subset', () => {
  assert.deepEqual(pointsOf({ grid: lambdas, seeds: [0, 3] }), [
    'loss.lambda1=1.0|0|0',
    'loss.lambda1=1.0|3|3',
    'loss.lambda1=1.1|0|0',
    'loss.lambda1=1.1|3|3',
  ]);
});

test('A subset seed that is set stays, whatever the seed', () => {
  assert.deepEqual(pointsOf({ set: new Map([['data.subset_seed', '7']]), seeds: [0, 1] }), ['|0|7', '|1|7']);
});

test('Without a grid the list alone is run; beside one it adds points', () => {
  const list = [new Map([['loss.lambda1', '0.5']]), new Map([['config', 'cifar100_lt/cross_entropy_if100']])];
  const names = (given: Partial<SweepSpec>) =>
    expandPoints(spec(given)).points.map(({ label, loaded: { config } }) => `${config.loss.name} ${label}`.trim());
  assert.deepEqual(names({ list }), ['gala loss.lambda1=0.5', 'cross_entropy']);
  assert.deepEqual(names({ list, grid: lambdas }), [
    'gala loss.lambda1=1.0',
    'gala loss.lambda1=1.1',
    'gala loss.lambda1=0.5',
    'cross_entropy',
  ]);
});

test('What all values of a rule fit is left out: assigned values, seeds and keys that only the config has', () => {
  const exclude = [
    new Map([['loss.lambda1', '1']]),
    new Map([
      ['seed', '2'],
      ['loss.name', 'gala'],
    ]),
  ];
  assert.deepEqual(pointsOf({ grid: lambdas, exclude, seeds: [1, 2] }), ['loss.lambda1=1.1|1|1']);
});

test('A combination that no config allows may be excluded; not excluded it is an error at its place', () => {
  const grid = new Map([
    ['loss.name', ['gala', 'cross_entropy']],
    ['loss.lambda1', ['1', '1.1']],
  ]);
  const exclude = [new Map([['loss.name', 'cross_entropy']])];
  assert.equal(expandPoints(spec({ grid, exclude })).points.length, 2);
  assert.throws(() => expandPoints(spec({ grid })), {
    name: 'ConfigError',
    where: 'loss.lambda1=1',
    message: /unknown key "loss.lambda1"/,
  });
});

test('Equal experiments are run once, and a rule without effect is told', () => {
  const { points, notes } = expandPoints(
    spec({
      list: [new Map([['loss.lambda1', '1']]), new Map([['loss.lambda1', '1.0']])],
      exclude: [new Map([['seed', '9']])],
    }),
  );
  assert.equal(points.length, 1);
  assert.deepEqual(notes, [
    'cifar100_lt/gala_if100 loss.lambda1=1.0, seed 0 is the same experiment as cifar100_lt/gala_if100 ' +
      'loss.lambda1=1, seed 0: run once.',
    'exclude {seed: 9} leaves nothing out.',
  ]);
});

test('Two seeds, no config, too many runs and none at all are refused', () => {
  const refused = (given: Partial<SweepSpec>, message: RegExp) =>
    assert.throws(
      () => expandPoints(spec(given)),
      (error: unknown) => error instanceof ConfigError && message.test(error.message),
    );
  refused({ seeds: [1], set: new Map([['seed', '2']]) }, /seed is given twice/);
  refused({ config: undefined }, /has no config/);
  refused({ exclude: [new Map([['seed', '0']])] }, /everything is excluded/);
  refused({ seeds: Array.from({ length: 10_001 }, (_, i) => i) }, /10001 runs/);
});

test('--set is split where a YAML list would be', () => {
  assert.deepEqual(parseValues('loss.lambda1=1.0, 1.2'), { key: 'loss.lambda1', values: ['1.0', '1.2'] });
  assert.deepEqual(parseValues('data.augment=[a, b],[]').values, ['[a, b]', '[]']);
  assert.deepEqual(parseValues('loss={name: gala, lambda1: 1}').values, ['{name: gala, lambda1: 1}']);
  assert.deepEqual(parseValues('name="a,b"').values, ['"a,b"']);
  for (const text of ['loss.lambda1', 'loss.lambda1=', '=1', 'a=[1', 'a=1,,2']) {
    assert.throws(() => parseValues(text), { name: 'ConfigError', where: `--set ${text}` }, text);
  }
});

test('A grid of more runs than a sweep can have is refused before its points are made', () => {
  const values = Array.from({ length: 30 }, (_, i) => String(i));
  const grid = new Map(values.map(key => [`loss.${key}`, values]));
  assert.throws(
    () => expandPoints(spec({ grid })),
    (error: unknown) =>
      error instanceof ConfigError && /^The sweep has \S+ runs, more than 10000\.$/.test(error.message),
  );
});
