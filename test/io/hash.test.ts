import assert from 'node:assert/strict';
import { test } from 'node:test';
import { md5, sha256 } from '../../src/io/hash.js';

test('hashes are those of the concatenated parts', () => {
  assert.equal(sha256('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'); // FIPS 180-2
  assert.equal(md5('abc'), '900150983cd24fb0d6963f7d28e17f72'); // RFC 1321
  assert.equal(sha256('a', new Uint8Array(), Buffer.from('bc')), sha256('abc'));
});
