import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeImageKernels, slackBytes } from '../../../src/data/kernels/imageKernels.js';
import { randomFor } from '../../../src/random.js';

const script = join(import.meta.dirname, '../../../../scripts/assemble-kernels.mjs');
const random = randomFor('image kernels');
const bytesOf = (length: number) => Uint8Array.from({ length }, () => random.integer(256));

test('the assembled kernels are those of image.wat', { skip: !existsSync(script) && 'needs a checkout' }, () => {
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});

test('memory grows, and keeps what it holds', () => {
  const kernels = makeImageKernels();
  kernels.memory(10).set([1, 2, 3]);
  const larger = kernels.memory(200_000);
  assert.ok(larger.length >= 200_000);
  assert.deepEqual([...larger.subarray(0, 4)], [1, 2, 3, 0]);
  assert.equal(kernels.memory(10), larger);
});

test(
  'blends and lumas are those of their formulas for lengths that fill no whole vector, and touch ' +
    'nothing behind the slack',
  () => {
    const { fround } = Math;
    const blend = (value: number, byte: number, factor: number) =>
      Math.max(0, Math.min(255, Math.trunc(fround(value + fround(factor * (byte - value))))));
    const luma = (r: number, g: number, b: number) => (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
    for (const pixels of [1, 3, 4, 9, 64]) {
      for (const factor of [0, 0.1, 0.6, 1, 1.4, 1.9, 40].map(fround)) {
        const image = bytesOf(3 * pixels);
        const kernels = makeImageKernels();
        const memory = kernels.memory(3 * pixels + 2 * slackBytes);
        const load = () => {
          memory.set(image);
          memory.fill(0, image.length, image.length + slackBytes);
          memory.fill(77, image.length + slackBytes, image.length + 2 * slackBytes);
        };
        const result = () => {
          assert.ok(
            memory.subarray(image.length + slackBytes, image.length + 2 * slackBytes).every(byte => byte === 77),
          );
          return memory.slice(0, image.length);
        };
        const lumas = Array.from({ length: pixels }, (_, i) =>
          luma(image[3 * i]!, image[3 * i + 1]!, image[3 * i + 2]!),
        );
        load();
        assert.equal(
          kernels.lumaSum(0, pixels),
          lumas.reduce((sum, value) => sum + value, 0),
        );
        kernels.blendWithValue(0, image.length, 93, factor);
        assert.deepEqual(
          result(),
          image.map(byte => blend(93, byte, factor)),
        );
        load();
        kernels.blendWithLuma(0, pixels, factor);
        assert.deepEqual(
          result(),
          image.map((byte, i) => blend(lumas[Math.floor(i / 3)]!, byte, factor)),
        );
      }
    }
  },
);

test('planes become pixels in order, and nothing beside them is touched', () => {
  for (const plane of [16, 48, 1024]) {
    const planes = bytesOf(3 * plane);
    const kernels = makeImageKernels();
    const memory = kernels.memory(8 * plane + 7);
    memory.fill(77);
    memory.set(planes, 5);
    kernels.interleave(5, plane, 3 * plane + 5);
    const pixels = Uint8Array.from({ length: 3 * plane }, (_, i) => planes[(i % 3) * plane + Math.floor(i / 3)]!);
    assert.deepEqual(memory.slice(3 * plane + 5, 6 * plane + 5), pixels);
    assert.deepEqual(memory.slice(5, 3 * plane + 5), planes);
    assert.ok(memory.subarray(6 * plane + 5).every(byte => byte === 77));
  }
});
