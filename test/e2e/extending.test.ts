/** docs/extending.md, followed word by word in a copy of the source. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';

const root = resolve(import.meta.dirname, '../../..');

interface Block {
  readonly kind: string;
  readonly path: string;
  readonly lines: readonly string[];
}

const blocks: readonly Block[] = [
  ...readFileSync(join(root, 'docs/extending.md'), 'utf8').matchAll(/^```(\w+) (\S+)\n(.*?)^```$/gms),
].map(([, kind, path, text]) => ({ kind: kind!, path: path!, lines: text!.trimEnd().split('\n') }));

test('the recipes of docs/extending.md compile, and what they add can be used', async () => {
  const copy = temporaryFolder();
  for (const name of ['src', 'configs', 'bin', 'datasets', 'package.json', 'tsconfig.json'])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const block of blocks) apply(block, copy);

  execFileSync(join(root, 'node_modules/.bin/tsc'), ['--project', copy], { cwd: copy, stdio: 'pipe' });

  const gala = (...words: string[]) =>
    execFileSync(process.execPath, ['bin/gala.mjs', ...words], { cwd: copy, encoding: 'utf8' });
  assert.match(gala('config', 'show', 'cifar100_lt/poly_if100'), /^loss:\n {2}name: poly\n {2}epsilon: 1$/m);
  const changed = gala('config', 'show', 'cifar100_lt/poly_if100', 'model.backbone=resnet110', 'optim.final_share=0.1');
  assert.match(changed, /^ {2}backbone: resnet110$/m);
  assert.match(changed, /^ {2}final_share: 0\.1$/m);
  assert.match(gala('config', 'keys', 'data.dataset'), /\bmnist\b/);

  const load = (path: string) => import(join(copy, 'dist/src', path));
  const [{ losses }, { createBackbone }, { scoresOf, inPercent }] = await Promise.all([
    load('losses/index.js'),
    load('models/index.js'),
    load('eval/scores.js'),
  ]);
  assert.equal(createBackbone({ backbone: 'resnet110' }, 3).featureSize, 64);
  const tf = await import('@tensorflow/tfjs');
  const kernels = { tf, sparseSoftmaxCrossEntropy: () => tf.tensor1d([Math.LN2]) };
  const { loss } = losses.poly.create({ epsilon: 2 }, kernels, 1).apply();
  assert.ok(Math.abs(loss.dataSync()[0]! - (Math.LN2 + 2 * 0.5)) < 1e-6);
  const [images, correct] = [Int32Array.of(10, 4), Int32Array.of(5, 1)];
  const counts = {
    images,
    correct,
    predicted: Int32Array.of(8, 6),
    trainingImages: Int32Array.of(200, 5),
    groups: { many: 100, few: 20 },
  };
  assert.equal(inPercent(scoresOf(counts)).worst_class, 25);
});

/** Writes a new file, or puts the lines with `+` of a `diff` behind the lines above them. */
function apply({ kind, path, lines }: Block, folder: string): void {
  const file = join(folder, path);
  if (kind !== 'diff') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${lines.join('\n')}\n`);
    return;
  }
  const text = readFileSync(file, 'utf8').split('\n');
  let at = -1;
  for (const line of lines) {
    if (line.startsWith('+')) {
      text.splice(++at, 0, line.slice(1));
      continue;
    }
    const wanted = line.slice(1);
    const next = text.indexOf(wanted, at + 1);
    at = next === -1 ? text.indexOf(wanted) : next;
    assert.notEqual(at, -1, `${path} has no line ${JSON.stringify(wanted)}`);
  }
  writeFileSync(file, text.join('\n'));
}
