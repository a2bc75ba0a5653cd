/**
 * Files of torch.save: everything in them comes out right, and nothing that is wrong with them gets further than a
 * typed error.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { StorageError } from '../../src/errors.js';
import { UnreadObject } from '../../src/io/pickleStack.js';
import { writeSafetensors } from '../../src/io/safetensors.js';
import { readTorchFile, type TorchValue, torchFormatOf } from '../../src/io/torch/torchFile.js';
import { randomFor } from '../../src/random.js';
import type { HostTensor } from '../../src/tensor.js';
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

/** Reads the file with the elements of all tensors. */
function readWhole(path: string): TorchValue | undefined {
  const touch = (value: TorchValue | undefined): void => {
    if (value instanceof Map) for (const item of value.values()) touch(item);
    else if (typeof value === 'object' && 'shape' in value) assert.ok(value.data);
  };
  const { value } = readTorchFile(path);
  touch(value);
  return value;
}

function refused(path: string, message: RegExp): void {
  assert.throws(
    () => readWhole(path),
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
const long = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
};
/** The format before the zip file: pickles of the magic number, protocol, system and content, then the storages. */
const legacyOf = (body: string, storages: Record<string, Float32Array>) =>
  Buffer.concat([
    Buffer.from('\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.', 'latin1'),
    Buffer.from(`\x80\x02${body}.\x80\x02](${Object.keys(storages).map(text).join('')}e.`, 'latin1'),
    ...Object.values(storages).flatMap(data => [long(data.length), Buffer.from(data.buffer)]),
  ]);
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

  test('of Python 2, whose ordered dictionaries are calls with lists of pairs, gives its mappings', () => {
    const short = (value: string) => `U${String.fromCharCode(value.length)}${value}`;
    const storage = `(${short('storage')}ctorch\nFloatStorage\n${short('94001')}${short('cpu')}K\x04NtQ`;
    const weight = `ctorch._utils\n_rebuild_tensor_v2\n(${storage}K\0(K\x02K\x02t(K\x02K\x01t\x89ccollections\nOrderedDict\n]\x85RtR`;
    const body = `}(${short('state_dict')}ccollections\nOrderedDict\n](](${short('w')}${weight}ee\x85R}${short('_metadata')}Nsbu`;
    const path = written('python2.pth', legacyOf(body, { '94001': Float32Array.of(1, 2, 3, 4) }));
    const { value, format } = readTorchFile(path);
    assert.equal(format, 'torch legacy');
    const state = (value as ReadonlyMap<string, ReadonlyMap<string, HostTensor>>).get('state_dict')!;
    assert.deepEqual([...state], [['w', { dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }]]);
  });

  const beside: Record<string, string> = {
    'long integers': `(\x8a\x0b${'\x01'.repeat(11)}\x8b\0\x01\0\0${'\x02'.repeat(256)}\x8a\0l`,
    'a NumPy array as protocols 2 to 4 have it':
      'cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R(K\x01K\x02\x85N\x89C\x02abtb',
    'a NumPy array as protocol 5 has it':
      '\x8c\x13numpy._core.numeric\x8c\x0b_frombuffer\x93(\x96\x02\0\0\0\0\0\0\0abNK\x02\x85\x8c\x01CtR',
    'an object of any class': 'cparse_config\nConfigParser\n)\x81}X\x01\0\0\0aK\x01sb',
    'a mapping and a list of any class':
      '(cadd\nDict\n)\x81X\x01\0\0\0aK\x01scadd\nList\n)\x81K\x01acadd\nSet\n)\x81(K\x01\x90l',
    'an object made with named arguments': 'cadd\nType\n)}\x92',
    'a method of an object': 'c__builtin__\ngetattr\n(cmmengine\nHistoryBuffer\n)\x81X\x04\0\0\0meantR',
    'a class': 'clightning\nModelCheckpoint\n',
    'a set and a path': '(c__builtin__\nset\n](K\x01e\x85Rcpathlib\nPosixPath\nX\x01\0\0\0a\x85Rl',
  };
  for (const [what, pickle] of Object.entries(beside))
    test(`with ${what} beside the weights gives the weights`, () => {
      const tensor = oneTensor(['K\x04'], ['K\x01'], 'K\x04').slice(1); // without its mapping
      const path = written('beside.pth', withPickle(`}${text('other')}${pickle}s${tensor}`, four));
      const weights = (readWhole(path) as ReadonlyMap<string, HostTensor>).get('w');
      assert.deepEqual(weights, { dtype: 'float32', shape: [4], data: Float32Array.of(1, 2, 3, 4) });
    });

  test('that is an object of any class gives the name of the class, in both formats', () => {
    const path = written('object.pth', withPickle('ctorchvision\nResNet\n)\x81}b'));
    assert.deepEqual(readTorchFile(path).value, new UnreadObject('torchvision.ResNet'));
    const id = `(${text('module')}ctorchvision\nResNet\n${text('resnet.py')}${text('source')}tQ`;
    const legacy = written('object.pth', legacyOf(`${id})\x81}b`, {}));
    assert.deepEqual(readTorchFile(legacy).value, new UnreadObject('torchvision.ResNet'));
  });

  test('whose integers do not fit into 32 bits is read, but not those integers', () => {
    const wide = oneTensor(['K\x01'], ['K\x01'], 'K\x01').replace('FloatStorage', 'LongStorage');
    const path = written('wide.pth', withPickle(wide, { 'a/data/0': new Uint8Array(long(2 ** 40)) }));
    const tensor = (readTorchFile(path).value as ReadonlyMap<string, HostTensor>).get('w')!;
    assert.deepEqual([tensor.dtype, tensor.shape], ['int32', [1]]);
    refused(path, /its tensor "w" holds 1099511627776, which does not fit into 32 bits/);
  });

  test('with a tensor that has attributes gives the tensor', () => {
    const plain = oneTensor(['K\x04'], ['K\x01'], 'K\x04');
    const made = plain.replace('ctorch._utils\n', 'ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n');
    const typed = made
      .replace('_rebuild_tensor_v2\n(', '_rebuild_tensor_v2\nctorch\nTensor\n(')
      .replace(/RtRs$/, 'Rt}tRs');
    const { value } = readTorchFile(written('typed.pth', withPickle(typed, four)));
    assert.deepEqual([...(value as ReadonlyMap<string, HostTensor>).get('w')!.data], [1, 2, 3, 4]);
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
    'a mapping made from no pairs': ['ccollections\nOrderedDict\n](K\x01e\x85R', /list of what are no pairs/],
    'mappings made many times from one list of pairs': [
      `](${'](NNe'.repeat(1000)}e\x85q\0${'ccollections\nOrderedDict\nh\0R0'.repeat(2001)}N`,
      /from more than 2000000 pairs/,
    ],
    'an object of a known function': ['ctorch._utils\n_rebuild_tensor_v2\n)\x81', /has no storage/],
    'a tensor made by another function': [
      'ctorch._tensor\n_rebuild_from_type_v2\n(cposix\nsystem\nN)}tR',
      /calls for "posix\.system"/,
    ],
    'a call of what getattr would give': [
      `cbuiltins\ngetattr\n(cposix\nsystem\n${text('__call__')}tR(${text('true')}tR`,
      /calls what is no type/,
    ],
    'an integer of a megabyte': [`\x8b\0\0\x10\0${'\x01'.repeat(2 ** 20)}`, /an integer of 1048576 bytes/],
    'an integer of a negative length': ['\x8b\xff\xff\xff\xff', /ends in the middle/],
    'a call of what Python 2 has under another name': ['c__builtin__\neval\n(NtR', /calls for "builtins\.eval"/],
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

  test(
    'a file without data.pkl, one of TorchScript, one that is compressed, one that lacks a storage, and ' +
      'one of another byte order',
    () => {
      refused(written('forged.pth', zipOf({ 'a/other': Buffer.from('x') })), /without the data\.pkl/);
      const body = Buffer.from('\x80\x02}.', 'latin1');
      refused(written('forged.pth', zipOf({ 'a/data.pkl': body }, { deflate: true })), /compressed/);
      refused(written('forged.pth', zipOf({ 'a/data.pkl': body, 'a/constants.pkl': body })), /TorchScript archive/);
      refused(written('forged.pth', withPickle(oneTensor(['K\x04'], ['K\x01'], 'K\x04'))), /lacks "a\/data\/0"/);
      refused(
        written('forged.pth', zipOf({ 'a/data.pkl': body, 'a/byteorder': Buffer.from('big') })),
        /byte order is "big"/,
      );
    },
  );

  test('a file that is not there, one of nothing, a folder', () => {
    refused(join(folder, 'nowhere.pth'), /there is no such file or folder/);
    refused(written('empty.pth', new Uint8Array()), /begins like no file/);
    refused(folder, /not a regular file|this is a folder/);
  });
});

describe('Files that were cut or whose bytes were changed', () => {
  for (const name of [
    'kinds.pth',
    'kinds_legacy.pth',
    'mislas.pth',
    'sources/openmmlab.pth',
    'sources/mislas_stage2.pth.tar',
  ]) {
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
          readWhole(path);
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
