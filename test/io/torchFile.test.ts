/** Files of torch.save: everything in them comes out right, and nothing that is wrong with them gets further than a typed error. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { HostTensor } from '../../src/engine/program.js';
import { StorageError } from '../../src/errors.js';
import { writeSafetensors } from '../../src/io/safetensors.js';
import { readTorchFile, torchFormatOf } from '../../src/io/torch/torchFile.js';
import { randomFor } from '../../src/random.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { zipOf } from './zipFile.js';

const fixtures = join(import.meta.dirname, '../../../test/fixtures/weights');
const expected: { kinds: Record<string, { shape: number[]; values: number[] }> } = JSON.parse(
  readFileSync(join(fixtures, 'expected.json'), 'utf8'),
);
const folder = temporaryFolder();

function written(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

function refused(path: string, message: RegExp): void {
  assert.throws(
    () => readTorchFile(path),
    (error: unknown) => {
      assert.ok(error instanceof StorageError, `not a StorageError: ${error}`);
      assert.match(error.message, message);
      assert.equal(error.where, path);
      assert.ok(error.next);
      return true;
    },
  );
}

/** A checkpoint whose pickle is `body` between its protocol and its end. */
const withPickle = (body: string, data: Record<string, Uint8Array> = {}) =>
  zipOf({ 'a/data.pkl': Buffer.from(`\x80\x02${body}.`, 'latin1'), ...data });

const text = (value: string) => `X${String.fromCharCode(value.length)}\0\0\0${value}`;
/** A mapping of `name` to a float tensor of these sizes and strides over storage 0 of `length` elements. */
const oneTensor = (shape: readonly string[], strides: readonly string[], length: string, offset = 'K\0') =>
  `}${text('w')}ctorch._utils\n_rebuild_tensor_v2\n((${text('storage')}ctorch\nFloatStorage\n${text('0')}${text('cpu')}${length}tQ` +
  `${offset}(${shape.join('')}t(${strides.join('')}t\x89ccollections\nOrderedDict\n)RtRs`;
const four = { 'a/data/0': new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer) };

describe('A file of torch.save', () => {
  for (const [name, format] of [
    ['kinds.pth', 'torch zip'],
    ['kinds_legacy.pth', 'torch legacy'],
  ] as const) {
    test(`in the format ${format} gives tensors of every type, views, tied and transposed ones`, () => {
      const path = join(fixtures, name);
      assert.equal(torchFormatOf(path), format);
      const read = readTorchFile(path);
      assert.equal(read.format, format);
      const tensors = read.value as ReadonlyMap<string, HostTensor>;
      assert.deepEqual([...tensors.keys()], Object.keys(expected.kinds));
      for (const [key, { shape, values }] of Object.entries(expected.kinds)) {
        const tensor = tensors.get(key)!;
        assert.deepEqual(tensor.shape, shape, key);
        const wanted = tensor.dtype === 'float32' ? Float32Array.from(values) : values;
        assert.deepEqual([...tensor.data], [...wanted], key);
      }
      assert.equal(tensors.get('u8')!.dtype, 'uint8');
      assert.equal(tensors.get('i64')!.dtype, 'int32');
    });
  }

  test('of a training script gives its mappings, numbers and tensors, and leaves the rest', () => {
    const { value } = readTorchFile(join(fixtures, 'mislas.pth'));
    const checkpoint = value as ReadonlyMap<string, ReadonlyMap<string, HostTensor>>;
    assert.deepEqual(
      [...checkpoint.keys()],
      ['epoch', 'state_dict_model', 'state_dict_classifier', 'optimizer', 'best_acc1'],
    );
    assert.deepEqual(checkpoint.get('state_dict_model')!.get('module.layer2.0.conv1.weight')!.shape, [32, 16, 3, 3]);
  });

  test('that would run a command is refused by what it calls for, and the command is not run', () => {
    refused(join(fixtures, 'hostile.pth'), /calls for "(posix|os)\.system".*nothing of it was run/);
    assert.ok(!existsSync('/tmp/gala-was-here'));
  });

  test('is told from a safetensors file, whatever the length of its header', () => {
    const path = join(folder, 'like.safetensors');
    // A header of 0x…80 bytes, which begins as a pickle does
    const fill = (length: number) => ({
      [`x${'y'.repeat(length)}`]: { dtype: 'float32', shape: [1], data: Float32Array.of(1) } as const,
    });
    let length = 0;
    for (; length < 300; length++) {
      writeSafetensors(path, fill(length));
      if (readFileSync(path)[0] === 0x80) break;
    }
    assert.ok(length < 300);
    assert.equal(torchFormatOf(path), undefined);
    refused(path, /begins like no file of torch\.save/);
  });
});

describe('A forged file of torch.save is refused:', () => {
  test('the forger can make a good one', () => {
    const path = written('good.pth', withPickle(oneTensor(['K\x02', 'K\x02'], ['K\x02', 'K\x01'], 'K\x04'), four));
    const { value } = readTorchFile(path);
    assert.deepEqual((value as ReadonlyMap<string, HostTensor>).get('w'), {
      dtype: 'float32',
      shape: [2, 2],
      data: Float32Array.of(1, 2, 3, 4),
    });
  });

  const tensors: Record<string, [string, RegExp]> = {
    'sizes beyond the storage': [
      oneTensor(['K\x02', 'K\x03'], ['K\x03', 'K\x01'], 'K\x04'),
      /reaches beyond its storage/,
    ],
    'an offset beyond the storage': [oneTensor(['K\x04'], ['K\x01'], 'K\x04', 'K\x01'), /reaches beyond its storage/],
    'a storage longer than its bytes': [oneTensor(['K\x05'], ['K\x01'], 'K\x05'), /has only 16 bytes/],
    'strides of zero that make much of little': [
      oneTensor(['J\0\0\0\x40'], ['K\0'], 'K\x04'),
      /more than 4 times the size of the file/,
    ],
    'a negative size': [oneTensor(['J\xff\xff\xff\xff'], ['K\x01'], 'K\x04'), /no whole numbers/],
    'a negative stride': [oneTensor(['K\x02'], ['J\xff\xff\xff\xff'], 'K\x04'), /no whole numbers/],
    'fewer strides than sizes': [oneTensor(['K\x02', 'K\x02'], ['K\x01'], 'K\x04'), /stride for every size/],
    'sizes whose product is no number': [
      oneTensor([...Array(30).fill(`\x8a\x07${'\xff'.repeat(6)}\x1f`), 'K\0'], Array(31).fill('K\0'), 'K\x04'),
      /more than 4 times/,
    ],
  };
  for (const [what, [pickle, message]] of Object.entries(tensors))
    test(what, () => refused(written('forged.pth', withPickle(pickle, four)), message));

  const pickles: Record<string, [string, RegExp]> = {
    'a type by STACK_GLOBAL': [`${text('builtins')}${text('eval')}\x93${text('1')}\x85R`, /calls for "builtins\.eval"/],
    'an inherited name': ['c__proto__\nconstructor\n)R', /calls for/],
    'a storage called as a function': ['ctorch\nFloatStorage\n)R', /makes nothing/],
    'attributes for a list': [']}b', /attributes/],
    'an instance by INST': ['(iposix\nsystem\n', /operation 0x69/],
    'a persistent id of text': ['P0\n', /operation 0x50/],
    'a persistent id of another kind': [`${text('module')}\x85Q`, /unknown kind/],
    'too deep a recall': ['h\x05', /never kept/],
    'an empty stack': ['', /takes what is not there/],
    'a text longer than the file': ['X\xff\xff\xff\x7fa', /ends in the middle/],
    'bytes of a length beyond all numbers': ['\x8e\xff\xff\xff\xff\xff\xff\xff\xff', /ends in the middle/],
    'items for a number': ['K\x01K\x02K\x03s', /no mapping/],
    'a mapping made from a list': ['ccollections\nOrderedDict\n]\x85R', /made from a list/],
    'more operations than weights need': ['N0'.repeat(1_100_000), /more than 2000000 operations/],
  };
  for (const [what, [pickle, message]] of Object.entries(pickles))
    test(what, () => refused(written('forged.pth', withPickle(pickle)), message));

  test('mappings within mappings, each a thousand times', () => {
    const keys = Array.from({ length: 250 }, (_, i) => text(`${i}`));
    const mapping = (item: string, keepAs: string) => `}(${keys.map(key => key + item).join('')}uq${keepAs}0`;
    const levels = [mapping('K\0', '\0'), mapping('h\0', '\x01'), mapping('h\x01', '\x02'), mapping('h\x02', '\x03')];
    refused(written('forged.pth', withPickle(`${levels.join('')}h\x03`)), /more than 1000000 entries/);
  });

  test('a file without data.pkl, one that is compressed, one that lacks a storage, and one of another byte order', () => {
    refused(written('forged.pth', zipOf({ 'a/other': Buffer.from('x') })), /without the data\.pkl/);
    const body = Buffer.from('\x80\x02}.', 'latin1');
    refused(written('forged.pth', zipOf({ 'a/data.pkl': body }, { deflate: true })), /compressed/);
    refused(written('forged.pth', withPickle(oneTensor(['K\x04'], ['K\x01'], 'K\x04'))), /lacks "a\/data\/0"/);
    refused(
      written('forged.pth', zipOf({ 'a/data.pkl': body, 'a/byteorder': Buffer.from('big') })),
      /byte order is "big"/,
    );
  });

  test('a file that is not there, one of nothing, a folder', () => {
    refused(join(folder, 'nowhere.pth'), /ENOENT/);
    refused(written('empty.pth', new Uint8Array()), /begins like no file/);
    refused(folder, /not a regular file|EISDIR/);
  });
});

describe('Files that were cut or whose bytes were changed', () => {
  for (const name of ['kinds.pth', 'kinds_legacy.pth', 'mislas.pth']) {
    test(`${name}: every one gives its content or a typed error, in time and in memory`, () => {
      const whole = readFileSync(join(fixtures, name));
      const random = randomFor('fuzz', name);
      const interesting = name === 'mislas.pth' ? 30_000 : whole.length;
      const memory = process.memoryUsage().rss;
      let survived = 0;
      for (let i = 0; i < 400; i++) {
        const bytes = Buffer.from(i % 4 === 0 ? whole.subarray(0, random.integer(whole.length)) : whole);
        if (i % 4 !== 0) {
          for (let n = 1 + random.integer(4); n > 0; n--) {
            // At either end, where the pickle and the table of contents are
            const at = random.integer(Math.min(interesting, bytes.length));
            bytes[random.integer(2) === 0 ? at : bytes.length - 1 - at] = random.integer(256);
          }
        }
        const path = written('changed.pth', bytes);
        try {
          readTorchFile(path);
          survived++;
        } catch (error) {
          assert.ok(error instanceof StorageError, `change ${i}: ${(error as Error).stack}`);
          assert.doesNotMatch(error.message, /Cannot read prop|is not a function|undefined/, `change ${i}`);
        }
      }
      assert.ok(survived < 400);
      assert.ok(process.memoryUsage().rss - memory < 400e6);
    });
  }
});
