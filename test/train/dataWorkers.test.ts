import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dataWorkers } from '../../src/train/calls.js';

const gpu = { engine: 'xla', device: 'NVIDIA H200' };

test('One thread prepares batches beside an engine on the CPU; for a GPU all cores but one do, at most 16', () => {
  assert.equal(dataWorkers('auto', { engine: 'tensorflow', device: 'cpu' }, 64), 1);
  assert.equal(dataWorkers('auto', { engine: 'xla', device: 'cpu' }, 64), 1);
  assert.deepEqual(
    [1, 2, 8, 64].map(cores => dataWorkers('auto', gpu, cores)),
    [1, 1, 7, 16],
  );
});

test('A number of threads is taken as it is', () => {
  assert.equal(dataWorkers(0, gpu, 8), 0);
  assert.equal(dataWorkers(3, { engine: 'tensorflow', device: 'cpu' }, 1), 3);
});
