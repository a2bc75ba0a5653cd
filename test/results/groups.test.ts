/** Which runs are averaged, and what is said of those that are. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { groupColumns } from '../../src/results/groupColumns.js';
import { differencesWithin, groupResults } from '../../src/results/groups.js';
import type { RunResult } from '../../src/results/record.js';
import { formatGroups } from '../../src/results/tableOfRuns.js';
import { exampleRecord } from '../run/example.js';

interface Changes {
  readonly name?: string;
  readonly seed?: number;
  readonly subset?: number;
  readonly epochs?: number;
  readonly tau?: number;
  /** `eval.groups.many`. */
  readonly many?: number;
  readonly precision?: string;
  readonly dirty?: boolean;
  /** Precisions of later processes. */
  readonly resumedWith?: readonly string[];
  readonly firstStage?: readonly string[];
}

function result({
  name = 'set/gala',
  seed = 0,
  subset = 0,
  epochs = 200,
  tau = 1,
  many = 100,
  precision = 'bf16',
  dirty,
  resumedWith,
  firstStage,
}: Changes = {}): RunResult {
  const { config, engine } = exampleRecord(name);
  const processOf = (other: string) => ({
    engine: { ...engine, precision: other },
    versions: { gala: '0.1.0', node: '20' },
    host: { cpu: 'cpu' },
  });
  return {
    name,
    config: {
      ...config,
      seed,
      data: { ...config.data, subset_seed: subset },
      train: { ...config.train, epochs },
      eval: { ...config.eval, tau, groups: { many, few: 20 } },
      precision,
    },
    seeds: { run: seed, subset },
    train: { fingerprint: 'a'.repeat(64), index_hash: String(subset).repeat(64) },
    test: { fingerprint: 'b'.repeat(64) },
    engine: { ...engine, precision },
    versions: { gala: '0.1.0', node: '20' },
    host: { cpu: 'cpu' },
    ...(dirty !== undefined && { git: { commit: 'd'.repeat(40), dirty } }),
    training_hours: 1,
    resumes: resumedWith?.length ?? 0,
    ...(resumedWith && {
      resumed_with: resumedWith.map(processOf),
    }),
    ...(firstStage && {
      first_stage: {
        ...{ run: 'first/0', config_hash: 'e'.repeat(64), epoch: 200, weights_sha256: 'f'.repeat(64) },
        ...{ training_seconds: 1, processes: firstStage.map(processOf) },
      },
    }),
    scores: [{ checkpoint: 'last', epoch: 200, selected_on: 'last', top1: 50 }],
  };
}

describe('groups of runs', () => {
  test('seeds, subset seeds and precision do not part runs of one config; they are sorted by seed', () => {
    const runs = [result({ seed: 2 }), result({ seed: 0, subset: 5 }), result({ seed: 1, precision: 'fp32' })];
    const groups = groupResults(runs);
    assert.deepEqual(
      groups.map(({ label, results }) => [label, results.map(({ seeds }) => seeds.run)]),
      [['set/gala', [0, 1, 2]]],
    );
  });

  test(
    'runs of one name with another key that decides the numbers are never averaged, and the label tells ' + 'the key',
    () => {
      const runs = [result(), result({ name: 'set/ce' }), result({ epochs: 30 }), result({ seed: 1, epochs: 30 })];
      assert.deepEqual(
        groupResults(runs).map(({ label, name, results }) => [label, name, results.length]),
        [
          ['set/gala (train.epochs=200)', 'set/gala', 1],
          ['set/ce', 'set/ce', 1],
          ['set/gala (train.epochs=30)', 'set/gala', 2],
        ],
      );
    },
  );

  test('a table for people tells below what all labels would share; one for programs has it in each label', () => {
    const groups = groupResults([0.5, 2].map(tau => result({ name: 'fashion_mnist_lt/gala', tau, epochs: 30 })));
    const markdown = formatGroups(groups, 'md');
    assert.match(markdown, /^\| fashion_mnist_lt\/gala \(eval\.tau=0\.5\) \|/m);
    assert.match(markdown, /^- In all lines: .*train\.epochs=30/m);
    assert.doesNotMatch(markdown, /^- In all lines: .*eval\.tau/m);
    for (const { config } of JSON.parse(formatGroups(groups, 'json')) as { config: string }[])
      assert.match(config, /train\.epochs=30.*eval\.tau/);
    assert.match(formatGroups(groups.slice(0, 1), 'md'), /^\| fashion_mnist_lt\/gala \(.*train\.epochs=30.*\) \|/m);
  });

  test('the note on many, medium and few has the bounds of the config', () => {
    const wide = result({ many: 200 });
    assert.match(formatGroups(groupResults([wide]), 'md'), /classes with more than 200, 20 to 200, fewer than 20 tr/);
    assert.match(formatGroups(groupResults([wide, result()]), 'md'), /few: classes by eval\.groups of each config\./);
  });

  test('what the runs of a line differ in is told, the seed alone is not', () => {
    assert.deepEqual(differencesWithin([result()]), []);
    assert.deepEqual(differencesWithin([result(), result({ seed: 1 })]), []);
    assert.deepEqual(differencesWithin([result(), result({ seed: 1, subset: 1, precision: 'fp32', dirty: true })]), [
      'training subset: seed 0 (sha256 00000000), seed 1 (sha256 11111111)',
      'precision: bf16, fp32',
      'commit: unknown, ddddddd with changes',
    ]);
  });

  test('a run that was resumed otherwise is told, alone and among others, and the precision column has both', () => {
    const resumed = result({ resumedWith: ['fp32'] });
    const likewise = result({ seed: 1, resumedWith: ['fp32'] });
    assert.deepEqual(differencesWithin([resumed]), ['precision: bf16 then fp32']);
    assert.deepEqual(differencesWithin([resumed, likewise]), ['precision: bf16 then fp32 in each']);
    assert.deepEqual(differencesWithin([resumed, result({ seed: 1 })]), ['precision: bf16 then fp32, bf16']);
    const [group] = groupResults([resumed, result({ seed: 1 })]);
    assert.equal(groupColumns.precision.value(group!), 'bf16 then fp32, bf16');
    const [alone] = groupResults([resumed]);
    assert.match(formatGroups([alone!], 'md'), /^- On the way of set\/gala changed: precision: bf16 then fp32\.$/m);
    assert.deepEqual(differencesWithin([result({ firstStage: ['fp32'] })]), ['precision: fp32 then bf16']);
    assert.match(
      formatGroups([group!], 'md'),
      /^- The runs of set\/gala differ in precision: bf16 then fp32, bf16\.$/m,
    );
  });

  test('a seed that was run twice is told: its spread says nothing', () => {
    assert.match(differencesWithin([result(), result()]).join(), /^seed: the same one more than once/);
  });
});
