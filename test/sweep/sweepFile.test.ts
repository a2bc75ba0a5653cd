import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Config } from '../../src/config/schema.js';
import { expandPoints } from '../../src/sweep/points.js';
import { readSweepFile, withAssignments } from '../../src/sweep/sweepFile.js';
import { temporaryFolder } from '../temporaryFolder.js';

type GalaConfig = Config & { loss: Extract<Config['loss'], { name: 'gala' }> };

const folder = temporaryFolder();
const fileOf = (...lines: string[]) => {
  const path = join(folder, 'study.yaml');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
};

test('A sweep file gives grid, list, exclusions, seeds and the launcher; a name only where there is one', () => {
  const { name, spec, launcher, slurm } = readSweepFile(
    fileOf(
      'config: cifar100_lt/gala_if100',
      'set: { train.epochs: 30 }',
      'grid:',
      '  loss.lambda1: [1.0, 1.2]',
      '  data.augment: [[random_crop], [random_crop, cutout]]',
      'list:',
      '  - { config: cifar100_lt/cross_entropy_if100 }',
      'exclude:',
      '  - { loss.lambda1: 1, data.augment: [random_crop] }',
      'seeds: [0, 1]',
      'launcher: slurm',
      'slurm: { partition: gpu, time: 4:00:00 }',
    ),
  );
  assert.deepEqual([name, launcher, slurm], [undefined, 'slurm', { partition: 'gpu', time: '4:00:00' }]);
  assert.equal(readSweepFile(fileOf('name: mine', 'config: cifar100_lt/gala_if100')).name, 'mine');
  const points = expandPoints(spec).points.map(
    ({ label, loaded: { config } }) => `${label} ${config.loss.name} ${config.seed}`,
  );
  assert.equal(points.length, 8);
  assert.equal(points[0], 'loss.lambda1=1 data.augment=["random_crop","cutout"] gala 0');
  assert.equal(points[7], ' cross_entropy 1');
});

test('Problems have their line; unknown keys and YAML errors too', () => {
  const refused = (lines: string[], where: string, message: RegExp) =>
    assert.throws(
      () => readSweepFile(fileOf(...lines)),
      (error: Error & { where?: string }) =>
        error.name === 'ConfigError' && error.where!.endsWith(where) && message.test(error.message),
    );
  refused(['config: a', 'gird: {}'], 'study.yaml:2:1', /unknown key "gird"; a sweep file has name, config/);
  refused(['grid:', '  loss.lambda1: 1'], 'study.yaml:2:17', /grid\.loss\.lambda1: .*expected array/);
  refused(['seeds: [0, -1]'], 'study.yaml:1:12', /seeds\.1: /);
  refused(['exclude: [{}]'], 'study.yaml:1:11', /at least one key/);
  refused(['grid: ['], 'study.yaml:1:7', /^the bracket \[ is not closed$/);
});

test('A --set takes the place of all that the file says of its key, also in the points of its list', () => {
  const { spec } = readSweepFile(
    fileOf(
      'config: cifar100_lt/gala_if100',
      'grid: { loss.lambda1: [1.0, 1.2] }',
      'list:',
      '  - { loss.lambda1: 2, train.epochs: 5 }',
      '  - { loss.variant: paper }',
    ),
  );
  const experiments = (...assignments: string[]) =>
    expandPoints(withAssignments(spec, assignments)).points.map(({ loaded: { config } }) => {
      const { loss, train } = config as GalaConfig;
      return `${loss.lambda1} ${loss.variant} ${train.epochs}`;
    });
  assert.deepEqual(experiments('loss.lambda1=0.5'), ['0.5 released 5', '0.5 paper 200']);
  assert.deepEqual(experiments('train.epochs=30'), [
    '1 released 30',
    '1.2 released 30',
    '2 released 30',
    '1.2 paper 30',
  ]);
  assert.throws(() => withAssignments(spec, ['train.epochs=30,60']), {
    name: 'ConfigError',
    where: '--set train.epochs=30,60',
  });
});

test('A file that is not there is an error with its path', () => {
  assert.throws(() => readSweepFile(join(folder, 'none.yaml')), {
    name: 'ConfigError',
    where: join(folder, 'none.yaml'),
  });
});
