import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkpointClock } from '../../src/train/checkpoint.js';

const onCpu = { engine: 'xla', device: 'cpu' };
const onGpu = { engine: 'xla', device: 'NVIDIA H200' };

/** The epochs that end with a write, of epochs that end at these seconds after the start. */
function writes(setting: number | 'auto', info: typeof onCpu, ends: readonly number[]): number[] {
  let now = 0;
  const isDue = checkpointClock(setting, info, () => 1000 * now);
  return ends.flatMap((end, i) => {
    now = end;
    return isDue(i + 1) ? [i + 1] : [];
  });
}

test(
  'On a CPU every epoch ends with a checkpoint, on a GPU those that end ten seconds or more after the ' + 'last one',
  () => {
    assert.deepEqual(writes('auto', onCpu, [0.1, 0.2, 0.3]), [1, 2, 3]);
    assert.deepEqual(writes('auto', onGpu, [4, 8, 12, 16, 21.9, 22, 22.1]), [3, 6]);
    assert.deepEqual(writes('auto', onGpu, [60, 120]), [1, 2]);
  },
);

test('A number of epochs holds on every device', () => {
  for (const info of [onCpu, onGpu]) assert.deepEqual(writes(2, info, [60, 61, 62, 63, 64]), [2, 4]);
});
