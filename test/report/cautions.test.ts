/** What the table of a report shows, and what the page warns of, where runs are not alike. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Config } from '../../src/config/schema.js';
import { cautionsOf } from '../../src/report/cautions.js';
import { curvesFigure } from '../../src/report/plots/curves.js';
import { type ReportRun, readReportRuns } from '../../src/report/reportRun.js';
import { provenanceFacts } from '../../src/report/runTable.js';
import { seriesOf } from '../../src/report/series.js';
import type { NewRecord } from '../../src/run/record.js';
import type { RunRecord } from '../../src/run/recordSchema.js';
import { exampleRecord } from '../run/example.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { type ExampleRun, writeExampleRun } from './exampleRuns.js';

const output = temporaryFolder();
const { config } = exampleRecord('set/plain');
const first: NonNullable<NewRecord['firstStage']> = {
  ...{ run: 'set/first/20260102-030405-3', config_hash: 'a'.repeat(64), epoch: 200 },
  ...{ weights_sha256: 'b'.repeat(64), training_seconds: 600 },
};
const weights: NonNullable<NewRecord['weights']> = {
  ...{ file: '/somewhere/backbone.pth', format: 'pytorch', sha256: 'c'.repeat(64) },
  ...{ part: 'backbone', drawn: [], unused: [] },
};

function runOf(name: string, changes: Partial<Config> = {}, example: ExampleRun = {}): ReportRun {
  const record = { config: { ...config, name, ...changes }, ...example.record };
  const [run] = readReportRuns([writeExampleRun(output, { name, ...example, record }).directory]);
  return { ...run!, series: name, label: name };
}

function resumed(run: ReportRun, ...changes: readonly Partial<RunRecord['resumes'][number]>[]): ReportRun {
  const { engine, versions, host, git } = run.record;
  const resumes = changes.map(change => ({
    ...{ at: '2026-01-02T03:04:05Z', from_epoch: 1, command: [], engine, versions, host, ...(git && { git }) },
    ...change,
  }));
  return { ...run, record: { ...run.record, resumes } };
}

const cellsOf = (runs: readonly ReportRun[], title: string) => {
  const fact = provenanceFacts(runs).find(row => row.title === title);
  return fact && runs.map(fact.cellOf);
};
const differenceOf = (runs: readonly ReportRun[]) => cautionsOf(runs).find(text => text.startsWith('The runs differ'));

const plain = runOf('plain');
const mixup = runOf('mixup', { train: { ...config.train, mixup_alpha: 0.2 } });

describe('what makes runs different', () => {
  test('runs that differ in their loss alone are not said to differ', () => {
    assert.equal(differenceOf([plain, runOf('ce', { loss: { name: 'cross_entropy' } })]), undefined);
  });

  test('mixup, sampler and every other key of the config that decides the numbers are told with their values', () => {
    assert.equal(differenceOf([plain, mixup]), 'The runs differ in: train.mixup_alpha (0, 0.2).');
    const other = runOf('other', {
      data: { ...config.data, sampler: 'class_aware', root: '/elsewhere', workers: 7 },
      optim: { ...config.optim, momentum: 0.5 },
    });
    assert.equal(
      differenceOf([plain, other]),
      'The runs differ in: data.sampler (shuffled, class_aware); optim.momentum (0.9, 0.5).',
    );
  });

  test('the table has rows for them where one of the runs has them, and none where no run has', () => {
    for (const title of ['mixup', 'sampler', 'frozen', 'first stage', 'initial weights'])
      assert.equal(cellsOf([plain], title), undefined, title);
    assert.deepEqual(cellsOf([plain, mixup], 'mixup'), ['none', 'α = 0.2']);
    const sampled = runOf('sampled', { data: { ...config.data, sampler: 'class_balanced' } });
    assert.deepEqual(cellsOf([plain, sampled], 'sampler'), ['shuffled', 'class_balanced']);
    const begun = runOf('begun', {}, { record: { weights } });
    assert.deepEqual(cellsOf([plain, begun], 'initial weights'), [
      'drawn',
      'backbone.pth (backbone), sha256 cccccccccccc',
    ]);
    assert.equal(differenceOf([plain, begun]), 'The runs differ in: initial weights.');
  });

  test('a second stage names its first, what is frozen, and counts the seconds of both', () => {
    const stages = { representation: { ...config, name: 'set/first', loss: { name: 'cross_entropy' as const } } };
    const freeze = { backbone: true, batch_stats: false };
    const second = runOf('second', { stages, freeze }, { record: { firstStage: first } });
    assert.deepEqual(cellsOf([plain, second], 'first stage'), [
      'none',
      'set/first/20260102-030405-3, cross_entropy, epoch 200, sha256 bbbbbbbbbbbb',
    ]);
    assert.deepEqual(cellsOf([plain, second], 'frozen'), ['nothing', 'backbone']);
    const [one, both] = cellsOf([plain, second], 'time')!;
    assert.match(one!, /^50\.0 minutes of training steps, started/);
    assert.match(both!, /^60\.0 minutes of training steps in both stages, started/);
    assert.equal(differenceOf([plain, second]), 'The runs differ in: first stage; freeze.backbone (false, true).');
    const longer = { representation: { ...stages.representation, train: { ...config.train, epochs: 90 } } };
    const other = runOf(
      'other',
      { stages: longer, freeze },
      { record: { firstStage: { ...first, weights_sha256: 'd'.repeat(64) } } },
    );
    assert.equal(
      differenceOf([second, other]),
      'The runs differ in: first stage; stages.representation.train.epochs (200, 90).',
    );
  });
});

describe('a run that was resumed', () => {
  const { engine, versions, host } = plain.record;

  test('by the same engine on the same machine is like an unbroken one', () => {
    const again = resumed(plain, {}, { host: { ...host, name: 'another' } });
    assert.deepEqual(cautionsOf([again]), cautionsOf([plain]));
    assert.equal(differenceOf([plain, again]), undefined);
  });

  test('otherwise is told with the facts that changed, and so are runs that differ in them', () => {
    const xla = { ...engine, engine: 'xla', version: '0.9', device: 'NVIDIA H200' };
    const other = resumed(plain, { engine: xla }, { versions: { ...versions, gala: '9.9' } });
    const told =
      `On the way engine (tensorflow ${engine.version} then xla 0.9), device (cpu then NVIDIA H200), gala ` +
      `(${versions.gala} then 9.9) changed: an unbroken run need not give these numbers.`;
    assert.ok(cautionsOf([other]).includes(told), cautionsOf([other]).join('\n'));
    assert.ok(cautionsOf([mixup, other]).includes(told.replace(/\.$/, ' (plain).')));
    const { name: _, ...machine } = host;
    const began = { engine: { ...engine, precision: 'bf16' as const }, versions, host: machine };
    const staged = runOf('staged', {}, { record: { firstStage: { ...first, processes: [began] } } });
    assert.ok(
      cautionsOf([staged]).some(text => text.startsWith('On the way precision (bf16 then fp32)')),
      'a first stage is part of the way',
    );
    assert.match(differenceOf([mixup, other])!, /device \(cpu, cpu then NVIDIA H200\)/);
    assert.match(cellsOf([other], 'engine')![0]!, /^tensorflow .*, 2 threads; then xla 0\.9, fp32, NVIDIA H200, 2 thr/);
  });
});

describe('a run that trained for no epoch', () => {
  const untrained = runOf('tau', { train: { ...config.train, epochs: 0 } }, { epochs: 0, checkpoints: ['last'] });

  test('alone has no curves; beside another it is named', () => {
    assert.equal(curvesFigure(seriesOf([untrained])), undefined);
    const { sentence } = curvesFigure(seriesOf([untrained, plain]))!;
    assert.match(
      sentence,
      /after it top-1 on the test split.*are of: plain epoch 2 \(selected on test\)\. Not trained: tau\.$/,
    );
  });

  test('without an evaluated epoch the curves are the loss alone', () => {
    const { sentence, panels } = curvesFigure(seriesOf([runOf('short', {}, { epochs: 1 })]))!;
    assert.equal(sentence, 'Mean training loss of each epoch.');
    assert.equal(panels.length, 1);
  });
});
