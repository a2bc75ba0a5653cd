/** `metrics.jsonl` and `gradients.jsonl`: a JSON object per epoch, each on disk before training goes on. */
import { StorageError } from '../errors.js';
import { appendSynced, writeFileAtomic } from '../io/atomicFile.js';
import { toCsv } from '../io/csv.js';
import { diskFault } from '../io/faults.js';
import { largestLog, readRegularText, withOpenedFile } from '../io/regularFile.js';

/** One epoch; what was not measured in it is left out. NaN and infinity become null, because JSON has neither. */
export interface EpochMetrics {
  /** 1-based. */
  readonly epoch: number;
  readonly [name: string]: number | string | null | undefined;
}

/** A line of either file. */
export interface EpochLine {
  readonly epoch: number;
  readonly [name: string]: number | string | null | undefined | readonly number[];
}

export interface MetricsRead {
  readonly lines: readonly EpochMetrics[];
  /** What was dropped, a sentence; undefined when the file was whole. */
  readonly notice?: string;
}

/** Appends one epoch. Throws `StorageError`. */
export function appendEpoch(path: string, metrics: EpochLine): void {
  // else this line would continue one that a kill cut off
  if (!endsWithNewline(path)) write(path, readMetrics(path).lines);
  attempt(path, 'write', () => appendSynced(path, `${JSON.stringify(metrics)}\n`));
}

/**
 * Reads all epochs; none when there is no file. A last line that a crash cut off is dropped, with a notice. Throws
 * `StorageError` with the number of the line for any other damage, and for epochs that do not increase.
 */
export function readMetrics(path: string): MetricsRead {
  const text = attempt(path, 'read', () => readRegularText(path, largestLog), '');
  const texts = text.split('\n');
  const last = texts.pop()!; // empty when the file ends as it should
  const lines = texts.map((line, i) => parseLine(line) ?? damaged(path, i, 'it is not the metrics of an epoch'));
  const whole = last === '' ? undefined : parseLine(last);
  if (whole !== undefined) lines.push(whole);
  for (let i = 1; i < lines.length; i++) {
    if (lines[i]!.epoch <= lines[i - 1]!.epoch)
      damaged(path, i, `epoch ${lines[i]!.epoch} follows epoch ${lines[i - 1]!.epoch}`);
  }
  if (last === '' || whole !== undefined) return { lines };
  return { lines, notice: `${path}: line ${texts.length + 1} was cut off by a crash and is dropped.` };
}

/** Drops every epoch after `epoch`, so that a run resumed there writes no epoch twice. Throws `StorageError`. */
export function truncateToEpoch(path: string, epoch: number): MetricsRead {
  const { lines, notice } = readMetrics(path);
  const kept = lines.filter(line => line.epoch <= epoch);
  write(path, kept);
  return notice === undefined ? { lines: kept } : { lines: kept, notice };
}

/** Writes metrics.csv from metrics.jsonl: a column per metric, in order of first appearance. Throws `StorageError`. */
export function writeMetricsCsv(metricsPath: string, csvPath: string): void {
  const { lines } = readMetrics(metricsPath);
  const columns = [...new Set(['epoch', ...lines.flatMap(line => Object.keys(line))])];
  writeFileAtomic(
    csvPath,
    toCsv(
      columns,
      lines.map(line => columns.map(column => line[column])),
    ),
  );
}

function write(path: string, lines: readonly EpochMetrics[]): void {
  writeFileAtomic(path, lines.map(line => `${JSON.stringify(line)}\n`).join(''));
}

function parseLine(text: string): EpochMetrics | undefined {
  try {
    const value = JSON.parse(text) as EpochMetrics | null;
    return Number.isInteger(value?.epoch) ? value! : undefined;
  } catch {
    return undefined;
  }
}

function endsWithNewline(path: string): boolean {
  return attempt(
    path,
    'read',
    () => withOpenedFile(path, ({ size, read }) => size === 0 || read(size - 1, 1)[0] === 0x0a),
    true,
  );
}

/** Runs a file action; returns `missing`, where given, for a file that does not exist. Throws `StorageError`. */
function attempt<T>(path: string, verb: string, action: () => T, missing?: T): T {
  try {
    return action();
  } catch (error) {
    if (missing !== undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') return missing;
    throw diskFault(`Could not ${verb} the metrics`, path, error);
  }
}

function damaged(path: string, index: number, fault: string): never {
  throw new StorageError(`The metrics are damaged: ${fault}.`, {
    where: `${path}:${index + 1}`,
    next: 'Restore the file, or delete the line if you know why it is there.',
  });
}
