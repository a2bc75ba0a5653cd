/** The plan of a sweep beside what its run leaves, for a set whose size is known only from its lists. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { temporaryFolder } from '../temporaryFolder.js';
import { gala } from './gala.js';
import { onlyRun } from './outcome.js';

const temporary = temporaryFolder();
const classes = 1000;

const config = `
data: {dataset: image_list, train_list: train.txt, test_list: test.txt, image_size: 32, root: set}
model: {backbone: resnet20}
loss: {name: gala}
optim: {learning_rate: 0.01, warmup_learning_rate: 0.01, warmup_epochs: 0}
train: {epochs: 2, batch_size: 20}
eval: {batch_size: 250, every: 1, select_on: test}
threads: 1
`;

test('An own set: disk as the run leaves it, training timed on its files; without the files the sizes are assumed', async () => {
  const set = join(temporary, 'set');
  mkdirSync(set);
  const picture = await sharp({ create: { width: 36, height: 36, channels: 3, background: 'red' } })
    .jpeg()
    .toBuffer();
  const name = (label: number) => `${label}.jpg`;
  const labels = Array.from({ length: classes }, (_, label) => label);
  for (const label of labels) writeFileSync(join(set, name(label)), picture);
  const list = (some: readonly number[]) => some.map(label => `${name(label)} ${label}\n`).join('');
  writeFileSync(join(set, 'train.txt'), list(labels));
  writeFileSync(join(set, 'test.txt'), list(labels.slice(0, 600)));
  writeFileSync(join(temporary, 'own.yaml'), config);

  const options = { cwd: temporary };
  const plan = ['sweep', '--config', 'own.yaml', '--seeds', '0', '--dry-run'];
  const { stdout } = await gala(plan, 0, options);
  assert.match(stdout, /^Time: about [\d:]+, at the speed/m);
  const [, results, checkpoints] = /^Disk: .* ([\d.]+) MB of results, ([\d.]+) MB of checkpoints/m.exec(stdout)!;

  await gala(['train', '--config', 'own.yaml', '--quiet'], 0, options);
  const run = onlyRun(join(temporary, 'runs'), 'own');
  const near = (planned: string, bytes: number, what: string) =>
    assert.ok(Math.abs(Number(planned) - bytes / 1e6) <= 0.1 * (bytes / 1e6), `${what}: ${planned} MB, ${bytes} B`);
  near(checkpoints!, bytesIn(join(run, 'checkpoints')), 'checkpoints');
  near(results!, bytesIn(run) + bytesIn(join(run, 'logits')), 'results');

  rmSync(set, { recursive: true });
  const assumed = await gala(
    [...plan.slice(0, -1), '--name', 'again', '--dry-run', '--no-estimate', '--seeds', '1'],
    0,
    options,
  );
  assert.match(assumed.stdout, /^Assumed are 100 classes, [\s\S]*\scannot be read here: /m);
});

function bytesIn(folder: string): number {
  return readdirSync(folder)
    .map(name => statSync(join(folder, name)))
    .reduce((sum, stats) => sum + (stats.isFile() ? stats.size : 0), 0);
}
