import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sessionConfig } from '../../src/engine/tensorflow/sessionConfig.js';

test('A ConfigProto has the threads inside an operation, one thread between operations, and no more', () => {
  assert.equal(sessionConfig(2).toString('hex'), '10022801');
});

test('A ConfigProto encodes a thread count above 127 in two bytes', () => {
  assert.equal(sessionConfig(300).toString('hex'), '10ac022801');
});
