import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Evaluation, readLogitsFile, writeLogitsFile } from '../../src/eval/logitsFile.js';
import { resultRows } from '../../src/eval/resultRow.js';
import { bestTau, summarize } from '../../src/eval/summary.js';
import { writeSafetensors } from '../../src/io/safetensors.js';
import { writeResultFiles } from '../../src/tables/resultFiles.js';
import type { HostTensor } from '../../src/tensor.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { changedFile, oddNumber } from './changes.js';
import { fuzz } from './fuzz.js';

const folder = temporaryFolder();
const path = join(folder, 'fuzzed.safetensors');

/** Everything `gala eval --logits` does with a file. */
function evaluate(taus: readonly number[]): void {
  const evaluation = readLogitsFile(path);
  const summary = summarize(evaluation, taus);
  for (const { top1 } of resultRows(evaluation, summary, 'given'))
    assert.ok(top1 >= 0 && top1 <= 100, `top-1 is ${top1}`);
  bestTau(summary);
  if (taus.length > 0) writeResultFiles(folder, [{ evaluation, summary }], 'given');
}

const whole: Evaluation = {
  split: 'test',
  run: 'set/config',
  checkpoint: 'best',
  epoch: 3,
  logits: Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)),
  labels: Int32Array.of(0, 1, 2, 1),
  indices: Int32Array.of(0, 1, 2, 3),
  classCounts: Int32Array.of(200, 30, 5),
  classNames: ['a', 'b', 'c'],
};
writeLogitsFile(path, whole);
// Under a name that is not verified, so that changed bytes get past the checksums and into the values.
const unsealed = Buffer.from(readFileSync(path).toString('latin1').replaceAll('"gala.', '"fala.'), 'latin1');

test('A logits file with changed bytes is evaluated or refused', t =>
  fuzz(t, changedFile(unsealed), {
    read: file => {
      writeFileSync(path, file);
      evaluate([0, 1]);
    },
    bytes: file => file.length,
  }));

const size = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 1, max: 5 }) },
  { weight: 1, arbitrary: fc.constant(0) },
);
const logit = fc.oneof(
  { weight: 49, arbitrary: fc.float({ min: -50, max: 50, noNaN: true }) },
  { weight: 1, arbitrary: fc.float() },
);
const classNumber = fc.oneof(
  { weight: 49, arbitrary: fc.nat(2) },
  { weight: 1, arbitrary: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) },
);
const vector = (length: number): fc.Arbitrary<HostTensor> =>
  fc.oneof(
    {
      weight: 9,
      arbitrary: fc
        .array(classNumber, { minLength: length, maxLength: length })
        .map((values): HostTensor => ({ dtype: 'int32', shape: [length], data: Int32Array.from(values) })),
    },
    {
      weight: 1,
      arbitrary: fc
        .array(classNumber, { maxLength: 6 })
        .map((values): HostTensor => ({ dtype: 'int32', shape: [values.length], data: Int32Array.from(values) })),
    },
  );
const tensors = fc.tuple(size, size).chain(([images, classes]) =>
  fc.record(
    {
      logits: fc
        .array(logit, { minLength: images * classes, maxLength: images * classes })
        .map((values): HostTensor => ({ dtype: 'float32', shape: [images, classes], data: Float32Array.from(values) })),
      labels: vector(images),
      indices: vector(images),
      class_counts: vector(classes),
    },
    { requiredKeys: ['logits', 'labels'] },
  ),
);
const oddMetadata = fc.record(
  {
    split: fc.constantFrom('test', 'val', '', '\u0000'),
    epoch: fc.oneof(fc.constantFrom('1', '-1', '1e9', '', 'NaN'), fc.string()),
    class_names: fc.oneof(
      fc.json(),
      fc.array(fc.string(), { maxLength: 5 }).map(names => JSON.stringify(names)),
      fc.string(),
    ),
    selected_on: fc.string(),
  },
  { requiredKeys: [] },
);
const metadata = fc.oneof(fc.constantFrom({}, { split: 'val' }, { epoch: '7' }), oddMetadata);

test('A logits file with any tensors, metadata and τ is evaluated or refused', t =>
  fuzz(t, fc.tuple(tensors, metadata, fc.array(fc.oneof(fc.constantFrom(0, 1), oddNumber), { maxLength: 3 })), {
    read: ([values, about, taus]) => {
      writeSafetensors(path, values as Record<string, HostTensor>, about as Record<string, string>);
      evaluate(taus);
    },
    bytes: () => statSync(path).size,
  }));
