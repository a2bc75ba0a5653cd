import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32c, tfRecord, wholeRecords } from '../../src/io/tfRecord.js';

test('CRC-32C gives the check values of RFC 3720, appendix B.4', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assert.equal(crc32c(new Uint8Array()), 0);
});

test('A record is its length in 8 bytes, a checksum, the bytes, a checksum', () => {
  const record = Buffer.from(tfRecord(Buffer.from('gala')));
  assert.equal(record.length, 20);
  assert.equal(record.readBigUInt64LE(), 4n);
  assert.equal(record.subarray(12, 16).toString(), 'gala');
});

test('A file cut anywhere is as long as its whole records', () => {
  const [one, two] = [tfRecord(Buffer.from('gala')), tfRecord(new Uint8Array())];
  const file = Buffer.concat([one, two, one]);
  const ends = [0, one.length, one.length + two.length, file.length];
  for (let length = 0; length <= file.length; length++) {
    assert.equal(
      wholeRecords(file.subarray(0, length)),
      ends.findLast(end => end <= length),
    );
  }
});
