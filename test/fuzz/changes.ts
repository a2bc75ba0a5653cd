/** Changes to bytes and texts: what a disk, a network or an editor does to a file. */
import fc from 'fast-check';

type Change = (bytes: Buffer) => Buffer;

const place = fc.nat(0x7fffffff);
const at = (position: number, bytes: Buffer) => (bytes.length === 0 ? 0 : position % bytes.length);

const flipBit = fc.tuple(place, fc.nat(7)).map(
  ([position, bit]): Change =>
    bytes => {
      if (bytes.length > 0) bytes[at(position, bytes)]! ^= 1 << bit;
      return bytes;
    },
);
const overwrite = fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 9 })).map(
  ([position, values]): Change =>
    bytes => {
      bytes.set(values.subarray(0, bytes.length - at(position, bytes)), at(position, bytes));
      return bytes;
    },
);
const insert = fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 40 })).map(
  ([position, values]): Change =>
    bytes =>
      Buffer.concat([bytes.subarray(0, at(position, bytes)), values, bytes.subarray(at(position, bytes))]),
);
const remove = fc.tuple(place, fc.integer({ min: 1, max: 200 })).map(
  ([position, count]): Change =>
    bytes =>
      Buffer.concat([bytes.subarray(0, at(position, bytes)), bytes.subarray(at(position, bytes) + count)]),
);
const cutOff = place.map(
  (position): Change =>
    bytes =>
      bytes.subarray(0, at(position, bytes)),
);
const zeroTail = place.map(
  (position): Change =>
    bytes =>
      bytes.fill(0, at(position, bytes)),
);
const repeat = fc.tuple(place, fc.integer({ min: 1, max: 200 })).map(
  ([position, count]): Change =>
    bytes => {
      const piece = bytes.subarray(at(position, bytes), at(position, bytes) + count);
      return Buffer.concat([bytes, piece]);
    },
);

const change = fc.oneof(flipBit, flipBit, overwrite, overwrite, insert, remove, cutOff, zeroTail, repeat);

/** One of the files, with one to four changes. */
export function changedFile(...files: readonly Uint8Array[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.nat(files.length - 1), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([file, changes]) => changes.reduce<Buffer>((bytes, apply) => apply(bytes), Buffer.from(files[file]!)));
}

/** Numbers that programs trip over. */
export const oddNumber = fc.oneof(
  fc.constantFrom(
    0,
    -0,
    -1,
    1,
    2,
    255,
    256,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    1e308,
    0.5,
    NaN,
    Infinity,
    -Infinity,
  ),
  fc.integer(),
  fc.double(),
);
