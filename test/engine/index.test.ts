import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { cpuHasBf16, engineSettings } from '../../src/engine/index.js';

test('Engine settings of auto take all cores, and bf16 where the CPU multiplies it', () => {
  assert.deepEqual(engineSettings({ engine: 'auto', precision: 'auto', threads: 'auto' }), {
    engine: 'auto',
    precision: cpuHasBf16() ? 'bf16' : 'fp32',
    threads: availableParallelism(),
  });
});

test('Engine settings that are given stay as they are', () => {
  const given = { engine: 'tensorflow', precision: 'fp32', threads: 3 } as const;
  assert.deepEqual(engineSettings(given), given);
  assert.equal(engineSettings({ ...given, precision: 'bf16' }).precision, 'bf16');
});
