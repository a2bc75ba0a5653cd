import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sessionConfig } from '../../src/engine/tensorflow/session.js';

// graph_options { rewrite_options { memory_optimization: 1 meta_optimizer_iterations: 1 disable_tfg_optimizer: true } }
const graphOptions = '5209520720016001800201';

test('A ConfigProto has the threads, at most two operations at a time, one pass of optimizations, and no more', () => {
  assert.equal(sessionConfig(1).toString('hex'), `10012801${graphOptions}`);
  assert.equal(sessionConfig(2).toString('hex'), `10022802${graphOptions}`);
});

test('A ConfigProto encodes a thread count above 127 in two bytes', () => {
  assert.equal(sessionConfig(300).toString('hex'), `10ac022802${graphOptions}`);
});
