import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { StorageError } from '../../src/errors.js';
import { sha256 } from '../../src/io/hash.js';
import { readSafetensors, writeSafetensors } from '../../src/io/safetensors.js';
import type { HostTensors } from '../../src/tensor.js';
import { sharedPath } from '../shared.js';
import { temporaryFolder } from '../temporaryFolder.js';

const folder = temporaryFolder();
const pathOf = (name: string) => join(folder, name);
const golden = sharedPath('golden', 'resnet32_three_steps.safetensors');

/** A file from a header text and data bytes, with the header length given or right. */
function forge(
  name: string,
  header: string | Uint8Array,
  data: Uint8Array = new Uint8Array(),
  announced?: bigint,
): string {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(announced ?? BigInt(text.length));
  writeFileSync(pathOf(name), Buffer.concat([length, text, data]));
  return pathOf(name);
}

const entry = (dtype: string, shape: number[], begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

function refused(path: string, message: RegExp): void {
  assert.throws(
    () => readSafetensors(path),
    (error: unknown) => {
      assert.ok(error instanceof StorageError, `not a StorageError: ${error}`);
      assert.match(error.message, message);
      assert.equal(error.where, path);
      assert.ok(error.next);
      return true;
    },
  );
}

describe('safetensors', () => {
  test('what is written is read back: types, shapes, scalars, empty tensors, NaN, odd names, metadata', () => {
    const path = pathOf('round.safetensors');
    const tensors: HostTensors = {
      'z.weight': { dtype: 'float32', shape: [2, 2], data: Float32Array.of(1.5, NaN, -Infinity, -0) },
      bytes: { dtype: 'uint8', shape: [3], data: Uint8Array.of(0, 128, 255) },
      counts: { dtype: 'int32', shape: [2], data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1) },
      scalar: { dtype: 'float32', shape: [], data: Float32Array.of(3) },
      none: { dtype: 'float32', shape: [0, 7], data: new Float32Array(0) },
      'Grüße "quoted"\\\n': { dtype: 'float32', shape: [1], data: Float32Array.of(7) },
      // A view into a larger buffer: only its own bytes may be stored.
      view: { dtype: 'float32', shape: [2], data: Float32Array.of(0, 1, 2, 3).subarray(1, 3) },
    };
    const metadata = { epoch: '3', note: 'a "b"\n√' };
    writeSafetensors(path, tensors, metadata);
    const read = readSafetensors(path);
    assert.deepEqual(read.tensors, tensors);
    assert.deepEqual(read.metadata, metadata);
    assert.deepEqual(Object.keys(read.tensors), Object.keys(tensors).sort());
    assert.ok(Object.is(read.tensors['z.weight']!.data[3], -0));
  });

  test('every element type of a .pth is read: float64 rounded to float32, small integers widened', () => {
    const data = Buffer.concat([
      new Uint8Array(Float64Array.of(0.1, -3).buffer),
      new Uint8Array(Int16Array.of(-2, 7).buffer),
      Buffer.from([0xff, 1]),
      Buffer.from([1, 0]),
    ]);
    const header = {
      double: entry('F64', [2], 0, 16),
      short: entry('I16', [2], 16, 20),
      signed: entry('I8', [2], 20, 22),
      flags: entry('BOOL', [2], 22, 24),
    };
    assert.deepEqual(readSafetensors(forge('types.safetensors', JSON.stringify(header), data)).tensors, {
      double: { dtype: 'float32', shape: [2], data: Float32Array.of(0.1, -3) },
      short: { dtype: 'int32', shape: [2], data: Int32Array.of(-2, 7) },
      signed: { dtype: 'int32', shape: [2], data: Int32Array.of(-1, 1) },
      flags: { dtype: 'uint8', shape: [2], data: Uint8Array.of(1, 0) },
    });
  });

  test(
    'the file is laid out as the format asks: aligned header, checksum of the data part, 4-byte types ' +
      'before bytes',
    () => {
      const path = pathOf('layout.safetensors');
      writeSafetensors(path, {
        b: { dtype: 'float32', shape: [1], data: Float32Array.of(1) },
        a: { dtype: 'uint8', shape: [3], data: Uint8Array.of(1, 2, 3) },
        c: { dtype: 'int32', shape: [1], data: Int32Array.of(9) },
      });
      const file = readFileSync(path);
      const length = Number(file.readBigUInt64LE());
      assert.equal(length % 8, 0);
      const header = JSON.parse(file.toString('utf8', 8, 8 + length));
      assert.deepEqual(Object.keys(header), ['__metadata__', 'b', 'c', 'a']);
      assert.deepEqual(header.a, entry('U8', [3], 8, 11));
      const start = file
        .toString('latin1', 0, 8 + length)
        .replace(/(?<="gala.checksum":"sha256 header )\w+/, '0'.repeat(64));
      assert.equal(
        header.__metadata__['gala.checksum'],
        `sha256 header ${sha256(Buffer.from(start, 'latin1'))} data ${sha256(file.subarray(8 + length))}`,
      );
      assert.deepEqual(
        readdirSync(folder).filter(name => name.endsWith('.tmp')),
        [],
      );
    },
  );

  test('whichever single bit of a file changes, it is refused, or reads as it did before', () => {
    const path = pathOf('bits.safetensors');
    const tensors: HostTensors = {
      a: { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) },
      b: { dtype: 'uint8', shape: [3], data: Uint8Array.of(1, 2, 3) },
    };
    writeSafetensors(path, tensors, { progress: '{"epoch":3}' });
    const file = readFileSync(path);
    const whole = readSafetensors(path);
    const unseen: number[] = [];
    for (let bit = 0; bit < 8 * file.length; bit++) {
      const changed = Buffer.from(file);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      writeFileSync(path, changed);
      try {
        const read = readSafetensors(path);
        assert.deepEqual(read.tensors, whole.tensors, `bit ${bit}`);
        assert.equal(read.metadata.progress, whole.metadata.progress, `bit ${bit}`);
        assert.equal(read.isVerified, false, `bit ${bit}`);
        unseen.push(bit >> 3);
      } catch (error) {
        assert.ok(error instanceof StorageError, `bit ${bit}: ${error}`);
      }
    }
    const key = file.indexOf('gala.checksum');
    assert.ok(
      unseen.every(byte => byte >= key && byte < key + 'gala.checksum'.length),
      `only in the name of the checksum itself: ${unseen}`,
    );
  });

  test('a file of before the header had a checksum is verified by that of its data', () => {
    const data = Uint8Array.of(7, 8);
    const header = (checksum: string) =>
      JSON.stringify({ __metadata__: { 'gala.sha256': checksum }, a: entry('U8', [2], 0, 2) });
    const read = readSafetensors(forge('older.safetensors', header(sha256(data)), data));
    assert.deepEqual([read.isVerified, read.metadata], [true, {}]);
    refused(forge('older.safetensors', header(sha256(data)), Uint8Array.of(7, 9)), /data do not match the sha256/);
    assert.equal(
      readSafetensors(forge('foreign.safetensors', `{"a":${JSON.stringify(entry('U8', [2], 0, 2))}}`, data)).isVerified,
      false,
    );
  });

  test('names that are special to JavaScript stay ordinary names', () => {
    const path = forge(
      'proto.safetensors',
      '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
      Uint8Array.of(5),
    );
    const { tensors } = readSafetensors(path);
    assert.deepEqual(Object.keys(tensors), ['__proto__']);
    assert.equal(Object.getPrototypeOf(tensors), Object.prototype);
  });

  test('halves, brain floats and 64-bit integers are widened or narrowed exactly', () => {
    const halves = Uint16Array.of(
      0x0000,
      0x8000,
      0x3c00,
      0xc000,
      0x7bff,
      0x0001,
      0x03ff,
      0x0400,
      0x7c00,
      0xfc00,
      0x7e00,
    );
    const brains = Uint16Array.of(0x3f80, 0xc049, 0x0001, 0x7f80);
    const wide = BigInt64Array.of(-(2n ** 31n), 0n, 2n ** 31n - 1n);
    const data = Buffer.concat([halves, brains, wide].map(array => Buffer.from(array.buffer)));
    const header = { h: entry('F16', [11], 0, 22), b: entry('BF16', [4], 22, 30), i: entry('I64', [3], 30, 54) };
    const { tensors } = readSafetensors(forge('halves.safetensors', JSON.stringify(header), data));
    assert.deepEqual(
      [...tensors.h!.data],
      [0, -0, 1, -2, 65504, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, Infinity, -Infinity, NaN],
    );
    assert.deepEqual([...tensors.b!.data], [1, -3.140625, 2 ** -133, Infinity]);
    assert.deepEqual(tensors.i, { dtype: 'int32', shape: [3], data: Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1) });
  });

  test('a 64-bit integer that does not fit into 32 bits is refused with its value', () => {
    const data = Buffer.from(BigInt64Array.of(2n ** 31n).buffer);
    refused(forge('wide.safetensors', JSON.stringify({ i: entry('I64', [1], 0, 8) }), data), /2147483648.*32 bits/);
  });

  test('one flipped byte of the data is noticed', () => {
    const path = pathOf('flipped.safetensors');
    writeSafetensors(path, { a: { dtype: 'float32', shape: [100], data: new Float32Array(100) } });
    const file = readFileSync(path);
    file[file.length - 57]! ^= 0x10;
    writeFileSync(path, file);
    refused(path, /sha256/);
  });

  test('a truncated file, cut anywhere, is refused', () => {
    const whole = pathOf('whole.safetensors');
    writeSafetensors(whole, {
      a: { dtype: 'float32', shape: [9], data: new Float32Array(9) },
      b: { dtype: 'uint8', shape: [2], data: new Uint8Array(2) },
    });
    const file = readFileSync(whole);
    const cut = pathOf('cut.safetensors');
    for (let length = file.length - 1; length >= 0; length--) {
      writeFileSync(cut, file.subarray(0, length));
      refused(cut, /Not a usable safetensors file/);
    }
  });

  test('any single damaged byte of the header gives a StorageError or another valid file, never a crash', () => {
    const whole = pathOf('fuzz.safetensors');
    writeSafetensors(whole, { abc: { dtype: 'float32', shape: [2, 1], data: Float32Array.of(1, 2) } }, { k: 'v' });
    const file = readFileSync(whole);
    const headerEnd = 8 + Number(file.readBigUInt64LE());
    const damagedPath = pathOf('damaged.safetensors');
    let refusals = 0;
    for (let i = 0; i < headerEnd; i++) {
      for (const value of [0x00, 0xff, 0x22, 0x5b, 0x7b, 0x7d, 0x39, file[i]! ^ 1]) {
        const damaged = Buffer.from(file);
        damaged[i] = value;
        writeFileSync(damagedPath, damaged);
        try {
          readSafetensors(damagedPath);
        } catch (error) {
          assert.ok(error instanceof StorageError, `byte ${i} = ${value}: ${error}`);
          refusals++;
        }
      }
    }
    assert.ok(refusals > headerEnd * 4, `${refusals} refusals`);
  });

  const one = '{"dtype":"U8","shape":[4],"data_offsets":[0,4]}';
  const hostile: [string, RegExp, string | Uint8Array, number, bigint?][] = [
    ['a header longer than the file', /does not fit/, '{}', 0, 1000n],
    ['a header length near 2^64', /does not fit/, '{}', 0, 2n ** 64n - 1n],
    ['a header above 100 MB', /does not fit/, '{}', 0, 100_000_001n],
    ['no JSON', /is due/, 'hello', 0],
    ['a list for a header', /is due/, '[]', 0],
    ['an empty header', /is due/, '', 0],
    ['text after the header', /end of the header/, '{} {}', 0],
    ['a header that is not UTF-8', /UTF-8/, Uint8Array.of(0x7b, 0xff, 0x7d), 0],
    ['the same name twice', /"a" appears twice/, `{"a":${one},"a":${one}}`, 4],
    ['the same name twice, once escaped', /"a" appears twice/, `{"a":${one},"\\u0061":${one}}`, 4],
    ['the same metadata key twice', /metadata key "k" appears twice/, '{"__metadata__":{"k":"1","k":"2"}}', 0],
    ['metadata that is not text', /is due/, '{"__metadata__":{"k":1}}', 0],
    ['metadata twice', /appears twice/, '{"__metadata__":{},"__metadata__":{}}', 0],
    ['an overlap', /overlap or gap/, `{"a":${one},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}`, 6],
    ['a gap', /overlap or gap/, `{"a":${one},"b":{"dtype":"U8","shape":[1],"data_offsets":[5,6]}}`, 6],
    ['a gap at the start', /overlap or gap/, '{"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', 2],
    ['bytes that belong to no tensor', /1 bytes at its end/, `{"a":${one}}`, 5],
    ['an offset beyond the data', /only 3/, `{"a":${one}}`, 3],
    [
      'offsets the wrong way round',
      /which is not U8/,
      '{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,0]},"b":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      0,
    ],
    [
      'a shape that needs more bytes',
      /which is not U8 \[5\]/,
      '{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,4]}}',
      4,
    ],
    [
      'a shape whose product overflows',
      /which is not/,
      '{"a":{"dtype":"U8","shape":[9007199254740991,9007199254740991],"data_offsets":[0,4]}}',
      4,
    ],
    [
      'a huge shape without data',
      /which is not F32/,
      '{"a":{"dtype":"F32","shape":[4294967296],"data_offsets":[0,0]}}',
      0,
    ],
    ['a negative dimension', /whole number/, '{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,0]}}', 0],
    ['a fractional dimension', /is due/, '{"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}', 1],
    ['a number beyond 2^53', /whole number/, '{"a":{"dtype":"U8","shape":[9007199254740992],"data_offsets":[0,0]}}', 0],
    [
      'a thousand dimensions',
      /at most 32/,
      `{"a":{"dtype":"U8","shape":[${'1,'.repeat(999)}1],"data_offsets":[0,1]}}`,
      1,
    ],
    ['three offsets', /at most 2/, '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}', 1],
    ['one offset', /lacks/, '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}', 1],
    ['no dtype', /lacks/, '{"a":{"shape":[1],"data_offsets":[0,1]}}', 1],
    ['a dtype gala does not read', /dtype "C64"/, '{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}', 8],
    [
      'a dtype named like a property of every object',
      /dtype "constructor"/,
      '{"a":{"dtype":"constructor","shape":[1],"data_offsets":[0,8]}}',
      8,
    ],
    [
      'a field twice',
      /repeated field "dtype"/,
      '{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
      1,
    ],
    ['an unknown field', /field "stride"/, '{"a":{"dtype":"U8","stride":[1],"shape":[1],"data_offsets":[0,1]}}', 1],
    ['a hundred thousand nested lists', /is due/, `{"a":${'['.repeat(100_000)}`, 0],
    ['a string without end', /end of a string/, '{"a', 0],
    ['a comma without a name', /is due/, `{"a":${one},}`, 4],
  ];
  for (const [what, message, header, bytes, announced] of hostile) {
    test(`refused: ${what}`, () =>
      refused(forge('hostile.safetensors', header, new Uint8Array(bytes), announced), message));
  }

  test('a missing file, a folder and a named pipe are refused, and none of them waits', () => {
    refused(pathOf('missing.safetensors'), /there is no such file or folder/);
    mkdirSync(pathOf('folder.safetensors'));
    refused(pathOf('folder.safetensors'), /not a regular file/);
    execFileSync('mkfifo', [pathOf('pipe.safetensors')]);
    refused(pathOf('pipe.safetensors'), /not a regular file/);
  });

  test('a sparse file that claims a large tensor is refused before memory is taken for it', () => {
    const header = JSON.stringify({ a: entry('U8', [2 ** 40], 0, 2 ** 40) });
    refused(forge('claim.safetensors', header, new Uint8Array(10)), /only 10/);
    truncateSync(pathOf('claim.safetensors'), 4);
    refused(pathOf('claim.safetensors'), /fewer than the 8/);
  });

  test('more tensors than any network has are refused before they are made: a million empty ones took 1.7 GB', () => {
    const empty = (count: number) =>
      `{${Array.from({ length: count }, (_, i) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`).join(',')}}`;
    const path = forge('million.safetensors', empty(1_000_000));
    const before = process.memoryUsage();
    refused(path, /more than 65536 tensors/);
    const after = process.memoryUsage();
    const taken = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
    assert.ok(taken < 5 * statSync(path).size, `${taken} bytes for a file of ${statSync(path).size}`);
    assert.equal(Object.keys(readSafetensors(forge('many.safetensors', empty(65_536))).tensors).length, 65_536);
  });

  test('a tensor whose data do not fit its shape or type is not written', () => {
    const path = pathOf('unfit.safetensors');
    const wrong = { dtype: 'float32', shape: [3], data: new Float32Array(2) } as const;
    assert.throws(() => writeSafetensors(path, { wrong }), StorageError);
    const mixed = { dtype: 'float32', shape: [2], data: new Int32Array(2) } as const;
    assert.throws(() => writeSafetensors(path, { mixed }), StorageError);
    assert.throws(
      () => writeSafetensors(path, { __metadata__: { dtype: 'uint8', shape: [0], data: new Uint8Array() } }),
      StorageError,
    );
    assert.throws(() => readFileSync(path), /ENOENT/);
  });

  test('a file written by PyTorch is read whole', { skip: golden ? false : 'no shared golden folder' }, () => {
    const { tensors, metadata } = readSafetensors(golden!);
    assert.deepEqual(tensors['init/backbone.conv1.weight']!.shape, [16, 3, 3, 3]);
    assert.equal(JSON.parse(metadata.losses!).length, 3);
    assert.ok(Object.values(tensors).every(({ shape, data }) => data.length === shape.reduce((a, b) => a * b, 1)));
  });
});
