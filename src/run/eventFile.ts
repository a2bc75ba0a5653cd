/**
 * `events.out.tfevents.<time>.gala`: the curves of metrics.jsonl for TensorBoard, one step per epoch. Every process of
 * a run appends to the same file, because an open TensorBoard cannot follow a file that is replaced or removed. As in
 * TensorFlow's own writers, a session start cancels the epochs that a resumed run trains again.
 */
import { closeSync, ftruncateSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { appendSynced, writeFileAtomic } from '../io/atomicFile.js';
import { diskFault } from '../io/faults.js';
import { bytesField, doubleField, floatField, message, varintField } from '../io/protobuf.js';
import { largestLog, openForWriting, readRegularFile } from '../io/regularFile.js';
import { tfRecord, wholeRecords } from '../io/tfRecord.js';
import type { EpochMetrics } from './metricsLog.js';

/** TensorBoard takes every file with `tfevents` in its name. */
const namePattern = /^events\.out\.tfevents\.\d+\.gala$/;

/**
 * Begins a session of training after the epochs `lines` and returns the path of the run's event file. A missing file is
 * made with those epochs; `startedAt` (ISO 8601) gives a time to epochs without `unix_seconds`, as an older gala wrote
 * them. What a crash cut off is dropped. Throws `StorageError`.
 */
export function startSession(directory: string, lines: readonly EpochMetrics[], startedAt: string): string {
  const now = Date.now() / 1000;
  const start = event(now, (lines.at(-1)?.epoch ?? 0) + 1, bytesField(7, varintField(1, 1))); // SessionLog.status START
  const existing = eventFileIn(directory);
  if (existing === undefined) {
    const path = join(directory, `events.out.tfevents.${Math.floor(now)}.gala`);
    const version = event(now, 0, bytesField(3, 'brain.Event:2'));
    const began = Date.parse(startedAt) / 1000;
    writeFileAtomic(path, version, ...lines.map(line => epochRecord(line, began)), start);
    return path;
  }
  const path = join(directory, existing);
  attempt(path, () => {
    dropCutOff(path);
    appendSynced(path, start);
  });
  return path;
}

function dropCutOff(path: string): void {
  const bytes = readRegularFile(path, largestLog);
  const whole = wholeRecords(bytes);
  if (whole === bytes.length) return;
  const file = openForWriting(path, 'change');
  try {
    ftruncateSync(file, whole);
  } finally {
    closeSync(file);
  }
}

function eventFileIn(directory: string): string | undefined {
  return attempt(directory, () => readdirSync(directory).find(name => namePattern.test(name)));
}

/** Appends one epoch. Throws `StorageError`. */
export function appendEvents(path: string, line: EpochMetrics): void {
  attempt(path, () => appendSynced(path, epochRecord(line, Date.now() / 1000)));
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw diskFault('Could not write the events for TensorBoard', path, error);
  }
}

/**
 * `test_top1_rebalanced` → `test/top1_rebalanced`, `loss` → `train/loss`: TensorBoard has a section per word before
 * /.
 */
function tagOf(metric: string): string {
  const [, split, name] = /^(test|val)_(.+)$/.exec(metric) ?? [];
  return split === undefined ? `train/${metric}` : `${split}/${name}`;
}

/** `began` is the start of the run, in seconds since 1970. */
function epochRecord({ epoch, unix_seconds, ...metrics }: EpochMetrics, began: number): Uint8Array {
  const seconds = typeof metrics.training_seconds === 'number' ? metrics.training_seconds : 0;
  const values = Object.entries(metrics).flatMap(([metric, value]) => {
    if (typeof value !== 'number') return [];
    return [bytesField(1, message(bytesField(1, tagOf(metric)), floatField(2, value)))];
  });
  const time = typeof unix_seconds === 'number' ? unix_seconds : began + seconds;
  return event(time, epoch, bytesField(5, message(...values)));
}

// ---- protocol buffers: Event of tensorflow/core/util/event.proto, Summary of tensorflow/core/framework/summary.proto

function event(seconds: number, step: number, content: Uint8Array): Uint8Array {
  return tfRecord(message(doubleField(1, seconds), varintField(2, step), content));
}
