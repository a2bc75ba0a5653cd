/** Run folders and what lies in them: records, locks, checkpoints, logits; training that diverges. */
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Evaluation, readLogitsFile, writeLogitsFile } from '../../src/eval/logitsFile.js';
import { countPredictions } from '../../src/eval/metrics.js';
import { lockFolder } from '../../src/io/folderLock.js';
import { writeSafetensors } from '../../src/io/safetensors.js';
import { fitPart } from '../../src/models/weights.js';
import { readGradients } from '../../src/report/gradients.js';
import { readReportRuns } from '../../src/report/reportRun.js';
import { appendEpoch, readMetrics } from '../../src/run/metricsLog.js';
import { createRecord, readRecord } from '../../src/run/record.js';
import { beginRunFolder, logitsPath, openRunFolder } from '../../src/run/runFolder.js';
import { findRunFolders } from '../../src/run/runStore.js';
import { readCheckpoint, readLastCheckpoint, writeCheckpoint } from '../../src/train/checkpoint.js';
import { evaluateRun } from '../../src/train/evaluateRun.js';
import { exampleEvaluation, rebalance } from '../eval/example.js';
import { onNetworkDisk } from '../io/networkDisk.js';
import { writeExampleRun } from '../report/exampleRuns.js';
import { exampleRecord } from '../run/example.js';
import { makeRunFolder } from '../run/makeRunFolder.js';
import type { Cases, Place } from './catalogue.js';

const weights = (name: string, shape: number[]) => ({
  [name]: { dtype: 'float32' as const, shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) },
});
const position = { epoch: 2, step: 0, loss_sum: 0, training_seconds: 1 };

function damagedCheckpoints({ at, folder }: Place): void {
  for (const epoch of [2, 3])
    writeCheckpoint(folder, 'last', weights('w', [9]), { ...position, epoch }, { keepPrevious: true });
  for (const name of ['last', 'last.previous']) truncateSync(at(`${name}.safetensors`), 100);
  readLastCheckpoint(folder);
}

/** A record that somebody edited. */
function editedRecord({ at }: Place, change: object): void {
  const path = at('run.json');
  const record = createRecord(path, exampleRecord('set/config'));
  writeFileSync(path, JSON.stringify({ ...record, ...change }));
  readRecord(path);
}

function logits({ at }: Place, change: Partial<Evaluation>): void {
  writeLogitsFile(at('test.safetensors'), { ...exampleEvaluation(4, [5, 3]), ...change });
}

/** A logits file of another program. */
function foreignLogits({ at }: Place, tensors: Parameters<typeof writeSafetensors>[1], metadata = {}): void {
  writeSafetensors(at('test.safetensors'), tensors, metadata);
  readLogitsFile(at('test.safetensors'));
}
const int32 = (...values: number[]) => ({
  dtype: 'int32' as const,
  shape: [values.length],
  data: Int32Array.from(values),
});
const table = { dtype: 'float32' as const, shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) };

export const runCases: Cases = {
  'a folder that is no run': ({ folder }) => openRunFolder(folder),
  'a folder without runs': ({ folder }) => findRunFolders([folder]),
  'a folder of runs that does not exist': () => findRunFolders(['nowhere']),
  'a name that leaves the folder of runs': () => beginRunFolder({ output: 'runs', name: '../x', seed: 0 }),
  'a split that is no word': ({ folder }) => logitsPath(makeRunFolder({ output: folder, name: 'a', seed: 0 }), '../x'),
  'a run folder in which this process works already': ({ folder }) => {
    lockFolder(folder);
    lockFolder(folder);
  },
  'a run folder in which a process of another machine works': ({ file, folder }) => {
    file('.lock-123-456-abc-elsewhere', '');
    onNetworkDisk(() => lockFolder(folder));
  },
  'a run.json that does not exist': ({ at }) => readRecord(at('run.json')),
  'a run.json that is not JSON': ({ file }) => readRecord(file('run.json', '')),
  'a run.json of another version': place => editedRecord(place, { format: 3 }),
  'a run.json without a status': place => editedRecord(place, { status: undefined }),
  'a run.json whose name leads out of every folder': place => editedRecord(place, { name: '../../home' }),
  'a run.json without the hash of its subset': place =>
    editedRecord(place, { splits: { train: { images: 1, fingerprint: '', class_counts: [1] } } }),
  'metrics that are a link': ({ file, at }) => {
    symlinkSync(file('elsewhere', ''), at('metrics.jsonl'));
    appendEpoch(at('metrics.jsonl'), { epoch: 1 });
  },
  'metrics with a damaged line': ({ file }) =>
    readMetrics(file('metrics.jsonl', '{"epoch":1}\nepoch 2\n{"epoch":3}\n')),
  'metrics whose epochs go back': ({ file }) => readMetrics(file('metrics.jsonl', '{"epoch":2}\n{"epoch":1}\n')),
  'metrics that are a folder': ({ at }) => {
    mkdirSync(at('metrics.jsonl'));
    readMetrics(at('metrics.jsonl'));
  },
  'gradients with a damaged line': ({ file }) =>
    readGradients(file('gradients.jsonl', '{"epoch":1,"positive":[1],"negative":[1]}\n'), 2),
  'gradients that are a folder': ({ at }) => {
    mkdirSync(at('gradients.jsonl'));
    readGradients(at('gradients.jsonl'), 2);
  },
  'a checkpoint that does not exist': ({ at }) => readCheckpoint(at('best.safetensors')),
  'an evaluation of a run whose checkpoints are removed': ({ folder }) =>
    evaluateRun({ run: writeExampleRun(folder).directory, split: 'train' }),
  'a checkpoint that is another safetensors file': ({ at }) => {
    writeSafetensors(at('best.safetensors'), weights('w', [2]));
    readCheckpoint(at('best.safetensors'));
  },
  'a checkpoint without checksum': ({ file }) => {
    const header = JSON.stringify({ __metadata__: { progress: JSON.stringify(position) } });
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    readCheckpoint(file('best.safetensors', Buffer.concat([length, Buffer.from(header)])));
  },
  'two checkpoints that are damaged': damagedCheckpoints,
  'weights of another network': () =>
    fitPart(
      { ...weights('a', [2]), ...weights('b', [3]) },
      { ...weights('a', [3]), ...weights('c', [1]) },
      'weights.safetensors',
      'all',
    ),
  'logits that do not fit their labels': place => logits(place, { labels: Int32Array.of(0) }),
  'logits of a label that is no class': place => logits(place, { labels: Int32Array.of(0, 1, 2, 0) }),
  'logits without an image': place => logits(place, { labels: new Int32Array(), logits: new Float32Array() }),
  'logits of a class with −1 training images': place => logits(place, { classCounts: Int32Array.of(5, -1) }),
  'a logits file without logits': place => foreignLogits(place, { labels: int32(0) }),
  'a logits file with labels of another type': place => foreignLogits(place, { logits: table, labels: table }),
  'a logits file with an unusable epoch': place =>
    foreignLogits(place, { logits: table, labels: int32(0, 1), class_counts: int32(1, 1) }, { epoch: 'last' }),
  'a logits file with unusable class names': place =>
    foreignLogits(
      place,
      { logits: table, labels: int32(0, 1), class_counts: int32(1, 1) },
      { class_names: 'cat, dog' },
    ),
  'logits that are not numbers': () => rebalance(Float32Array.of(1, Number.NaN), 2, 1),
  'logits that make no rows': () => rebalance(Float32Array.of(1, 2, 3), 2, 1),
  'a τ below zero': () => rebalance(Float32Array.of(1, 2), 2, -1),
  'predictions for other labels': () => countPredictions(Int32Array.of(1), Int32Array.of(1, 2), Int32Array.of(5, 5, 5)),
  'a report of a run without logits': ({ folder }) =>
    readReportRuns([writeExampleRun(folder, { finished: false, checkpoints: [] }).directory]),
  'a report of runs of other classes': ({ folder }) =>
    readReportRuns(
      [writeExampleRun(join(folder, 'a')), writeExampleRun(join(folder, 'b'), { classCounts: [5, 3] })].map(
        ({ directory }) => directory,
      ),
    ),
};
