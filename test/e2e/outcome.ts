/** What a run left in its folder, to compare two runs bit by bit and one run with itself. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensors } from '../../src/io/safetensors.js';
import type { RunRecord } from '../../src/run/recordSchema.js';
import type { HostTensors } from '../../src/tensor.js';
import { eventFiles, readEvents } from '../run/eventReader.js';

export interface Position {
  readonly epoch: number;
  readonly step: number;
  readonly loss_sum: number;
  readonly training_seconds: number;
  readonly best?: { readonly epoch: number; readonly top1: number };
}

/** Files of a run whose every byte is a function of config, seed, engine and thread count. */
const repeatableFiles = ['gradients.jsonl', 'predictions.csv', 'per_class.csv', 'table.csv', 'table.md'];

export function recordOf(folder: string): RunRecord {
  return JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as RunRecord;
}

export function metricsOf(folder: string): Record<string, number>[] {
  const text = readFileSync(join(folder, 'metrics.jsonl'), 'utf8');
  assert.match(text, /\n$/, 'metrics.jsonl ends with a whole line');
  return text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, number>);
}

/** Tensors and position of a checkpoint; reading it verifies its sha256. */
export function checkpointOf(folder: string, name: string): { tensors: HostTensors; position: Position } {
  const { tensors, metadata } = readSafetensors(join(folder, 'checkpoints', `${name}.safetensors`));
  return { tensors, position: JSON.parse(metadata.progress!) as Position };
}

/** Rows of a CSV file as objects; for files without quoted cells. */
export function csvOf(...path: readonly string[]): Record<string, string>[] {
  const text = readFileSync(join(...path), 'utf8');
  assert.ok(!text.includes('"'));
  const [header, ...lines] = text
    .trimEnd()
    .split('\n')
    .map(line => line.split(','));
  return lines.map(line => Object.fromEntries(header!.map((name, i) => [name, line[i]!])));
}

/** Run folders of a config below an output folder, oldest first. */
export function runFolders(output: string, name = 'fashion_mnist_lt/gala'): string[] {
  const parent = join(output, name);
  if (!existsSync(parent)) return [];
  return readdirSync(parent)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map(entry => join(parent, entry));
}

/** The only run folder below an output folder. */
export function onlyRun(output: string, name?: string): string {
  const folders = runFolders(output, name);
  assert.equal(folders.length, 1, `one run folder in ${output}: ${folders}`);
  return folders[0]!;
}

/** All files below a folder, relative to it, sorted. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** The same with `<time>` for the time in the name of the event file. */
export function untimedFilesIn(folder: string): string[] {
  return filesIn(folder).map(name => name.replace(/tfevents\.\d+/, 'tfevents.<time>'));
}

/** Names of the tensors that differ in any bit, shape or presence. */
export function differingTensors(a: HostTensors, b: HostTensors): string[] {
  const bits = ({ data }: HostTensors[string]) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(name => {
    const [left, right] = [a[name], b[name]];
    return !left || !right || left.shape.join() !== right.shape.join() || !bits(left).equals(bits(right));
  });
}

/** Asserts that two finished runs are equal in every bit that is not a time: weights, statistics, metrics, tables. */
export function assertSameOutcome(actual: string, expected: string): void {
  for (const name of ['last', 'best']) {
    const file = join('checkpoints', `${name}.safetensors`);
    assert.equal(
      existsSync(join(actual, file)),
      existsSync(join(expected, file)),
      `${name} is in both runs or in none`,
    );
    if (!existsSync(join(expected, file))) continue;
    const [left, right] = [checkpointOf(actual, name), checkpointOf(expected, name)];
    const differing = differingTensors(left.tensors, right.tensors);
    assert.ok(differing.length === 0, `${name}: ${differing.length} tensors differ, such as ${differing[0]}`);
    assert.deepEqual(untimed(left.position), untimed(right.position), `position of ${name}`);
  }
  assert.deepEqual(metricsOf(actual).map(untimed), metricsOf(expected).map(untimed));
  for (const file of repeatableFiles) {
    assert.equal(readFileSync(join(actual, file), 'utf8'), readFileSync(join(expected, file), 'utf8'), file);
  }
  assert.deepEqual(filesIn(join(actual, 'logits')), filesIn(join(expected, 'logits')));
  for (const file of filesIn(join(expected, 'logits'))) {
    assert.ok(readFileSync(join(actual, 'logits', file)).equals(readFileSync(join(expected, 'logits', file))), file);
  }
  assert.deepEqual(recordOf(actual).results, recordOf(expected).results);
  assertEventsOfMetrics(actual);
}

/** Asserts that the one event file of a run has each epoch once, with the values and the time of metrics.jsonl. */
function assertEventsOfMetrics(folder: string): void {
  const [path, ...others] = eventFiles(folder);
  assert.deepEqual(others, []);
  const { scalars } = readEvents(path!);
  const metrics = metricsOf(folder);
  for (const [tag, points] of scalars) {
    const name = tag.startsWith('train/') ? tag.slice('train/'.length) : tag.replace('/', '_');
    const expected = metrics.filter(line => name in line);
    assert.deepEqual(
      points,
      expected.map(line => ({ step: line.epoch, seconds: line.unix_seconds, value: Math.fround(line[name]!) })),
    );
  }
  const names = metrics.flatMap(line => Object.keys(line));
  assert.equal(scalars.size, new Set(names).size - 2, 'a tag a metric, epoch and unix_seconds excepted');
}

/** Without what a clock says. */
export function untimed<T extends object>(values: T): Omit<T, 'training_seconds' | 'unix_seconds'> {
  const {
    training_seconds: _,
    unix_seconds: __,
    ...rest
  } = values as T & {
    training_seconds?: unknown;
    unix_seconds?: unknown;
  };
  return rest as Omit<T, 'training_seconds' | 'unix_seconds'>;
}
