import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sessionConfig } from '../../src/engine/tensorflow/sessionConfig.js';

test('A ConfigProto has the threads inside an operation, one thread between operations, and no more in fp32', () => {
  assert.equal(sessionConfig({ threads: 2, bf16: false }).toString('hex'), '10022801');
});

test('A ConfigProto of bf16 switches on the rewriter for oneDNN', () => {
  // graph_options { rewrite_options { auto_mixed_precision_onednn_bfloat16: ON } }
  assert.equal(sessionConfig({ threads: 1, bf16: true }).toString('hex'), '10012801' + '5205' + '5203' + 'f80101');
});

test('A ConfigProto encodes a thread count above 127 in two bytes', () => {
  assert.equal(sessionConfig({ threads: 300, bf16: false }).toString('hex'), '10ac022801');
});
