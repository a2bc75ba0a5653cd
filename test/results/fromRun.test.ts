import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readLogitsFile, writeLogitsFile } from '../../src/eval/logitsFile.js';
import { percentOf } from '../../src/eval/scores.js';
import { bestTau, summarize } from '../../src/eval/summary.js';
import { readReportRuns } from '../../src/report/reportRun.js';
import { faultsOf } from '../../src/results/check.js';
import { addResult, resultOfRun } from '../../src/results/fromRun.js';
import { listResults, predictionsOf, readResult, writeResult } from '../../src/results/record.js';
import { resultsCsv } from '../../src/results/tables.js';
import { readRecord, updateRecord } from '../../src/run/record.js';
import type { RunRecord } from '../../src/run/recordSchema.js';
import { openRunFolder } from '../../src/run/runFolder.js';
import { finishRun } from '../run/example.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { writeExampleRun } from './exampleRun.js';

const temporary = temporaryFolder();
const results = join(temporary, 'results');

test("A record holds the run's scores, plain, re-balanced, of equal masses and at the oracle's τ, each with its predictions", async () => {
  const run = await writeExampleRun(join(temporary, 'a'));
  const { record, predictions } = readResult(addResult(results, run));
  const evaluation = readLogitsFile(join(run, 'logits/test-last.safetensors'));
  const { plain, rebalanced, equalMasses } = summarize(evaluation, [1]);
  const [first, second, third, oracle] = record.scores;
  assert.equal(record.scores.length, 4);
  assert.equal(first!.top1, percentOf(plain.top1));
  assert.equal(first!.few, percentOf(plain.few!));
  assert.deepEqual(
    [second!.top1, second!.tau, second!.tau_selected_on],
    [percentOf(rebalanced[0]!.scores.top1), 1, 'config'],
  );
  assert.deepEqual(
    [third!.top1, third!.tau, third!.method],
    [percentOf(equalMasses.scores.top1), undefined, 'equal_masses'],
  );
  const taus = Array.from({ length: 61 }, (_, i) => i / 20);
  assert.equal(oracle!.tau, bestTau(summarize(evaluation, taus)));
  assert.equal(oracle!.tau_selected_on, 'test');
  for (const [k, score] of record.scores.entries()) {
    const right = predictionsOf(record, predictions!, k).filter((klass, i) => klass === evaluation.labels[i]).length;
    assert.equal(percentOf(right / 2000), score.top1);
  }
});

test('The training hours of a record contain those of the teachers, and of their sources', async () => {
  const run = await writeExampleRun(join(temporary, 'taught'));
  const path = join(run, 'run.json');
  const about = { config_hash: 'a'.repeat(64), epoch: 1, weights_sha256: 'b'.repeat(64) };
  const source = { run: 'gala/1', ...about, training_seconds: 7164 };
  const teacher = { ...source, sources: [{ run: 'mixup/1', training_seconds: 3600 }] };
  writeFileSync(path, JSON.stringify({ ...readRecord(path), teachers: [teacher] }));
  const { record } = readResult(addResult(join(temporary, 'taught-results'), run));
  assert.equal(record.training_hours, 3);
  assert.deepEqual(record.teachers, [source]);
});

test(
  'The oracle of a record is that of the report, and never below the τ of the config, however large ' + 'that is',
  async () => {
    const run = await writeExampleRun(join(temporary, 'large-tau'), { set: ['eval.tau=5'] });
    const path = join(run, 'logits/test-last.safetensors');
    const { logits: _, ...evaluation } = readLogitsFile(path);
    // Every second image of class 9 is taken for class 0 by a margin that re-balancing closes at τ = 3.7 only.
    const logits = new Float32Array(evaluation.labels.length * 10);
    evaluation.labels.forEach((label, image) => {
      logits[10 * image + label] = 50;
      if (label === 9 && image % 2 === 0) logits[10 * image] = 54;
    });
    finishRun(openRunFolder(run), [{ ...evaluation, logits }], {});
    const [plain, configured, , oracle] = resultOfRun(run).record.scores;
    assert.ok(configured!.top1 > plain!.top1);
    assert.deepEqual([oracle!.tau, oracle!.top1], [5, configured!.top1]);
    assert.equal(readReportRuns([run])[0]!.scores.oracle.tau, 5);
  },
);

test('A record names no folder and no host of the machine that ran the run', async () => {
  const run = await writeExampleRun(join(temporary, 'b'));
  const { record } = resultOfRun(run);
  const text = JSON.stringify(record);
  assert.ok(!text.includes(temporary));
  assert.ok(!('name' in record.host) && !('root' in (record.config.data as object)));
  assert.ok(!('command' in record));
});

test('A record of more than 256 classes has two bytes a prediction, and is checked like any', async () => {
  const run = await writeExampleRun(join(temporary, 'many'));
  const path = join(run, 'logits/test-last.safetensors');
  const { logits: _, ...evaluation } = readLogitsFile(path);
  const classes = 700;
  const labels = evaluation.labels.map((_, i) => (i * 17) % classes);
  const logits = new Float32Array(labels.length * classes);
  labels.forEach((label, i) => {
    logits[i * classes + (i % 3 === 0 ? (label + 257) % classes : label)] = 5;
  });
  const classNames = Array.from({ length: classes }, (_, klass) => `class ${klass}`);
  writeLogitsFile(path, { ...evaluation, logits, labels, classNames, classCounts: new Int32Array(classes).fill(30) });
  const stored = readResult(addResult(join(temporary, 'many-results'), run));
  const { record, predictions } = stored;
  assert.equal(predictions!.length, 2 * record.scores.length * labels.length);
  const expected = labels.map((label, i) => (i % 3 === 0 ? (label + 257) % classes : label));
  assert.deepEqual(predictionsOf(record, predictions!, 0), expected);
  assert.deepEqual(faultsOf(stored), []);
  predictions![1]! ^= 1; // the high byte
  assert.match(faultsOf(stored).join(), /predictions were changed/);
});

test('The check counts many, medium and few by the bounds of the config', async () => {
  const set = ['eval.groups.many=150', 'eval.groups.few=10'];
  const run = await writeExampleRun(join(temporary, 'groups'), { set });
  const path = addResult(join(temporary, 'results-groups'), run);
  assert.deepEqual(faultsOf(readResult(path)), []);
  writeFileSync(path, readFileSync(path, 'utf8').replace('"many": 150', '"many": 100'));
  assert.match(faultsOf(readResult(path)).join(), /it says many/);
});

test('A record that could not be read again is refused, and nothing is written', async () => {
  const run = await writeExampleRun(join(temporary, 'unreadable'));
  const { record, predictions } = resultOfRun(run);
  const folder = join(temporary, 'results-unreadable');
  assert.throws(() => writeResult(folder, { ...record, resumes: -1 }, predictions), {
    name: 'StorageError',
    message: /cannot be recorded: resumes/,
  });
  assert.ok(!existsSync(folder));
});

test('Adding the same run again changes nothing; another run of the same seeds is refused', async () => {
  const [run, other] = [
    await writeExampleRun(join(temporary, 'c'), { seed: 5 }),
    await writeExampleRun(join(temporary, 'd'), { seed: 5 }),
  ];
  const path = addResult(results, run);
  const before = readFileSync(path, 'utf8');
  addResult(results, run);
  assert.equal(readFileSync(path, 'utf8'), before);
  assert.throws(() => addResult(results, other), {
    name: 'ConfigError',
    message: /There is a record of another run of fashion_mnist_lt\/gala with these seeds/,
    next: /Choosing the better of two runs would bias the table/,
  });
});

test('A run that is not finished is refused with the command that finishes it', async () => {
  const run = await writeExampleRun(join(temporary, 'e'));
  updateRecord(join(run, 'run.json'), { status: 'interrupted' });
  assert.throws(() => addResult(results, run), {
    message: /not finished: its status is interrupted/,
    next: /gala train --resume/,
  });
});

test('The name of a run says to which table its record belongs; a name without a folder is refused', async () => {
  const run = await writeExampleRun(join(temporary, 'f'), { seed: 9 });
  const file = join(run, 'run.json');
  const nameIt = (name: string) => writeFileSync(file, JSON.stringify({ ...readRecord(file), name }));
  nameIt('mine/a/representation');
  const path = addResult(results, run);
  assert.equal(path, join(results, 'mine/a/representation-seed9-subset0.json'));
  assert.deepEqual(listResults(results, 'mine'), [path]);
  nameIt('alone');
  assert.throws(() => addResult(results, run), {
    name: 'ConfigError',
    message: /The name alone has no folder, which would be its table/,
    next: /such as mine\/alone/,
  });
});

/** Resumes of a run, as if by other processes. */
function resume(run: string, ...changes: readonly Partial<RunRecord['resumes'][number]>[]): void {
  const path = join(run, 'run.json');
  const { engine, versions, host, git } = readRecord(path);
  const resumes = changes.map((change, k) => ({
    ...{
      at: '2026-01-02T03:04:05Z',
      from_epoch: k + 1,
      command: ['gala'],
      engine,
      versions,
      host,
      ...(git && { git }),
    },
    ...change,
  }));
  writeFileSync(path, JSON.stringify({ ...readRecord(path), resumes }));
}

test('A run resumed by the same engine, software, machine and commit has a record like an unbroken one', async () => {
  const run = await writeExampleRun(join(temporary, 'same'));
  const { host } = readRecord(join(run, 'run.json'));
  resume(run, {}, { host: { ...host, name: 'another', memory_bytes: 1 } });
  const { record } = resultOfRun(run);
  assert.equal(record.resumes, 2);
  assert.ok(!('resumed_with' in record));
});

test('What a run was resumed with is in its record, each once and without the name of the host', async () => {
  const run = await writeExampleRun(join(temporary, 'resumed'), { seed: 7 });
  const { engine, versions, host } = readRecord(join(run, 'run.json'));
  const xla = { engine: { ...engine, engine: 'xla', version: '0.9', device: 'NVIDIA H200' } };
  const machine = { ...host, name: 'secret', cpu: 'another CPU' };
  resume(run, {}, xla, { versions: { ...versions, gala: '9.9' }, host: machine }, xla, {});
  const { record } = readResult(addResult(join(temporary, 'resumed-results'), run));
  assert.equal(record.resumes, 5);
  assert.deepEqual(
    record.resumed_with!.map(process => [process.engine.engine, process.versions.gala, process.host.cpu]),
    [
      ['xla', versions.gala, host.cpu],
      ['tensorflow', '9.9', 'another CPU'],
    ],
  );
  assert.doesNotMatch(JSON.stringify(record), /secret|"command"/);
  assert.deepEqual(
    faultsOf(readResult(join(temporary, 'resumed-results/fashion_mnist_lt/gala-seed7-subset0.json'))),
    [],
  );

  const [header, line] = resultsCsv([record]).split('\n');
  assert.match(header!, /,engine,precision,threads,cpu,training_hours,gala,/);
  assert.ok(line!.includes(`,tensorflow ${engine.version} then xla 0.9,fp32,2,${host.cpu} then another CPU,`), line);
  assert.ok(line!.includes(`,${versions.gala} then 9.9,`), line);
});
