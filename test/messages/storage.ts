/** The disk: what cannot be written, read or made, and what was written by somebody else. */
import { mkdirSync } from 'node:fs';
import { writeFileAtomic } from '../../src/io/atomicFile.js';
import { diskFault } from '../../src/io/faults.js';
import { lockFolder } from '../../src/io/folderLock.js';
import { readSafetensors, writeSafetensors } from '../../src/io/safetensors.js';
import { startSession } from '../../src/run/eventFile.js';
import { appendEpoch } from '../../src/run/metricsLog.js';
import { beginRunFolder } from '../../src/run/runFolder.js';
import type { Cases } from './catalogue.js';

const refusedBySystem = (code: string, text: string) => () => {
  throw diskFault(
    'Could not write the file',
    '/data/runs/run.json',
    Object.assign(new Error(`${code}: ${text}, write`), { code }),
  );
};
const safetensors = (header: string, data = new Uint8Array()) => {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header), data]);
};

export const storageCases: Cases = {
  'a full disk': refusedBySystem('ENOSPC', 'no space left on device'),
  'a used-up quota': refusedBySystem('EDQUOT', 'disk quota exceeded'),
  'a limit on the size of files': refusedBySystem('EFBIG', 'file too large'),
  'a read-only file system': refusedBySystem('EROFS', 'read-only file system'),
  'missing permission': refusedBySystem('EACCES', 'permission denied'),
  'an immutable file': refusedBySystem('EPERM', 'operation not permitted'),
  'a disk that fails': refusedBySystem('EIO', 'i/o error'),
  'a network disk that is gone': refusedBySystem('ESTALE', 'stale file handle'),
  'too many open files': refusedBySystem('EMFILE', 'too many open files'),
  'a failure of another kind': refusedBySystem('EXDEV', 'cross-device link not permitted'),
  'a folder that is gone': ({ at }) => writeFileAtomic(at('gone', 'table.csv'), 'x'),
  'a folder of the name of a file': ({ at }) => {
    mkdirSync(at('table.csv'));
    writeFileAtomic(at('table.csv'), 'x');
  },
  'a path through a file': ({ at, file }) => {
    file('runs', '');
    writeFileAtomic(at('runs', 'table.csv'), 'x');
  },
  'a path that is too long': ({ at }) => writeFileAtomic(at('x'.repeat(300)), 'x'),
  'a run folder below a file': ({ file }) => {
    beginRunFolder({ output: file('runs', ''), name: 'set/config', seed: 0 });
  },
  'a run folder that cannot be locked': () => lockFolder('nowhere'),
  'metrics of a run folder that is gone': () => appendEpoch('nowhere/metrics.jsonl', { epoch: 1 }),
  'events of a run folder that is gone': () => startSession('nowhere', [], '2026-01-02T03:04:05Z'),
  'a safetensors file that does not exist': () => readSafetensors('weights.safetensors'),
  'a safetensors file that is too short': ({ file }) => readSafetensors(file('weights.safetensors', 'text')),
  'a safetensors file that is another kind of file': ({ file }) =>
    readSafetensors(file('weights.safetensors', 'PK\x03\x04 a zip file, for instance')),
  'a safetensors file with a damaged header': ({ file }) =>
    readSafetensors(file('weights.safetensors', safetensors('{"a":'))),
  'a safetensors file of an unknown type': ({ file }) =>
    readSafetensors(
      file(
        'weights.safetensors',
        safetensors('{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}', new Uint8Array(8)),
      ),
    ),
  'a safetensors file cut off': ({ file }) =>
    readSafetensors(
      file(
        'weights.safetensors',
        safetensors('{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}', new Uint8Array(4)),
      ),
    ),
  'a tensor that does not fit its shape': ({ at }) =>
    writeSafetensors(at('weights.safetensors'), { a: { dtype: 'float32', shape: [3], data: new Float32Array(2) } }),
};
