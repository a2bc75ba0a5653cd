import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sessionConfig } from '../../src/engine/tensorflow/session.js';

test('A ConfigProto has the threads inside an operation, at most two operations at a time, and no more', () => {
  assert.equal(sessionConfig(1).toString('hex'), '10012801');
  assert.equal(sessionConfig(2).toString('hex'), '10022802');
});

test('A ConfigProto encodes a thread count above 127 in two bytes', () => {
  assert.equal(sessionConfig(300).toString('hex'), '10ac022802');
});
