import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { readSafetensors, writeSafetensors } from '../../src/io/safetensors.js';
import { type HostTensor, sizeOf } from '../../src/tensor.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { changedFile, oddNumber } from './changes.js';
import { fuzz } from './fuzz.js';

const folder = temporaryFolder();
const path = join(folder, 'fuzzed.safetensors');

/** Reads the bytes as a file; what is read must be whole. */
function read(bytes: Uint8Array): void {
  writeFileSync(path, bytes);
  for (const { data, shape } of Object.values(readSafetensors(path).tensors)) assert.equal(data.length, sizeOf(shape));
}

function fileOf(header: string, data: Uint8Array, announced = BigInt(Buffer.byteLength(header))): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt.asUintN(64, announced));
  return Buffer.concat([length, Buffer.from(header), data]);
}

/** Without checksums, so that a change is not caught by them but by what it does to the file. */
const foreign = fileOf(
  JSON.stringify({
    __metadata__: { format: 'pt', note: 'ü "quoted"' },
    'conv1.weight': { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
    half: { dtype: 'BF16', shape: [4], data_offsets: [24, 32] },
    wide: { dtype: 'I64', shape: [1], data_offsets: [32, 40] },
    bytes: { dtype: 'U8', shape: [3], data_offsets: [40, 43] },
  }),
  Uint8Array.from({ length: 43 }, (_, i) => (i > 32 && i < 40 ? 0 : i)),
);
writeSafetensors(path, { a: { dtype: 'float32', shape: [3], data: Float32Array.of(1, 2, 3) } }, { progress: '{}' });
const own = readFileSync(path);

test('A safetensors file with changed bytes is read or refused', t => {
  for (const whole of [foreign, own]) read(whole);
  return fuzz(t, changedFile(foreign, foreign, own), { read, bytes: file => file.length });
});

const entry = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      dtype: fc.constantFrom('F32', 'BF16', 'F16', 'I64', 'I32', 'U8', 'F64', '', '__proto__'),
      shape: fc.array(fc.oneof(fc.nat(4), oddNumber), { maxLength: 5 }),
      data_offsets: fc.oneof(fc.tuple(fc.nat(64), fc.nat(64)), fc.array(oddNumber, { maxLength: 3 })),
    }),
  },
  { weight: 1, arbitrary: fc.jsonValue() },
);
const name = fc.oneof(fc.string(), fc.constantFrom('__metadata__', '__proto__', 'constructor', 'a', 'a', 'b'));
const header = fc.oneof(
  fc
    .array(fc.tuple(name, entry), { maxLength: 5 })
    .map(entries => `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`),
  fc.json(),
  fc.string({ unit: 'binary' }),
);
const announced = fc.option(fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 300n })), {
  freq: 8,
});

const bytesOf = { F32: 4, BF16: 2, F16: 2, I32: 4, U8: 1 };
const sized = fc.tuple(
  name,
  fc.constantFrom(...(Object.keys(bytesOf) as (keyof typeof bytesOf)[])),
  fc.array(fc.nat(4), { maxLength: 3 }),
);
/** The headers of these files fit the data, unless a name occurs twice. */
const fitting = fc.array(sized, { maxLength: 5 }).map(tensors => {
  let end = 0;
  const entries = tensors.map(([key, dtype, shape]) => {
    const start = end;
    end += bytesOf[dtype] * sizeOf(shape);
    return `${JSON.stringify(key)}:${JSON.stringify({ dtype, shape, data_offsets: [start, end] })}`;
  });
  return fileOf(`{${entries.join(',')}}`, new Uint8Array(end));
});
const anyOverAny = fc
  .tuple(header, fc.uint8Array({ maxLength: 100 }), announced)
  .map(([text, data, length]) => fileOf(text, data, length ?? undefined));

test('A safetensors file with any header over any data is read or refused', t =>
  fuzz(t, fc.oneof(fitting, anyOverAny), { read, bytes: file => file.length }));

const tensor = fc.array(fc.nat(4), { maxLength: 4 }).chain(shape =>
  fc.constantFrom('float32', 'int32', 'uint8').chain(dtype => {
    const length = { minLength: sizeOf(shape), maxLength: sizeOf(shape) };
    const data =
      dtype === 'float32' ? fc.float32Array(length) : dtype === 'int32' ? fc.int32Array(length) : fc.uint8Array(length);
    return data.map((values): HostTensor => ({ dtype, shape, data: values as HostTensor['data'] }));
  }),
);
const tensorName = fc
  .string({ unit: 'grapheme', maxLength: 12 })
  .filter(text => text !== '__metadata__' && text !== '__proto__');

test('Whatever is written comes back as it was', t =>
  fuzz(
    t,
    fc.tuple(
      fc.dictionary(tensorName, tensor, { maxKeys: 5 }),
      fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
    ),
    {
      read: ([tensors, metadata]) => {
        writeSafetensors(path, tensors, metadata);
        const back = readSafetensors(path);
        assert.deepEqual(back.tensors, { ...tensors });
        assert.deepEqual(back.metadata, { ...metadata });
      },
      refuses: false,
      bytes: () => 0,
    },
  ));
