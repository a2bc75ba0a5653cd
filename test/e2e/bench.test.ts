/** `gala bench` as a program reads it: one JSON object with figures that can be. No threshold on speed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';
import { gala } from './gala.js';

const options = { cwd: temporaryFolder() };
const flags = ['--config', 'fashion_mnist_lt/gala', '--steps', '3', '--set', 'threads=1', 'precision=fp32'];

async function bench(name: string, ...more: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await gala(['bench', name, ...flags, ...more], 0, options);
  assert.equal(stdout.trimEnd().split('\n').length, 1);
  const figures = JSON.parse(stdout) as Record<string, unknown>;
  assert.equal(figures.bench, name);
  assert.equal(figures.config, 'fashion_mnist_lt/gala');
  for (const [key, value] of Object.entries(figures))
    if (typeof value === 'number') assert.ok(value > 0 || key === 'workers', `${key}: ${value}`);
  return figures;
}

test('gala bench train prints the time of a step, alone and fed by the pipeline, as one JSON object', async () => {
  const figures = await bench('train', '--warmup', '1');
  const { engine, precision, threads, batch } = figures;
  assert.deepEqual(
    { engine, precision, threads, batch },
    { engine: 'tensorflow', precision: 'fp32', threads: 1, batch: 32 },
  );
  const { train_ms, train_img_s, end_to_end_img_s, end_to_end_share, rss_mb_start, rss_mb_end } = figures as Record<
    string,
    number
  >;
  assert.ok(Math.abs((train_ms! * train_img_s!) / 32_000 - 1) < 1e-3, 'milliseconds and images per second agree');
  assert.ok(Math.abs(end_to_end_img_s! / train_img_s! / end_to_end_share! - 1) < 1e-3);
  assert.ok(rss_mb_start! > 50 && rss_mb_end! > 50);
});

test('gala bench infer and data print one JSON object each', async () => {
  const infer = (await bench('infer', '--warmup', '1')) as Record<string, number>;
  assert.ok(Math.abs((infer.infer_ms! * infer.infer_img_s!) / 32_000 - 1) < 1e-3);
  const data = await bench('data');
  assert.ok(Object.values(data).filter(value => typeof value === 'number').length >= 2);
});

test('gala bench data of image files leaves out of its random images what cuts files, and says what it did', async () => {
  const small = ['--set', 'data.image_size=32', 'train.batch_size=2', 'data.workers=0', '--steps', '1'];
  const { stdout } = await gala(['bench', 'data', '--config', 'imagenet_lt/gala_resnet50', ...small], 0, options);
  const { augment, images_per_second } = JSON.parse(stdout) as { augment: string[]; images_per_second: number };
  assert.deepEqual(augment, ['horizontal_flip', 'color_jitter', 'rand_augment']);
  assert.ok(images_per_second > 0);
});
