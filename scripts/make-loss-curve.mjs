#!/usr/bin/env node
// Makes test/fixtures/loss_curve.json, the golden curve of the training gate (test/golden/lossCurve.test.ts), after a
// change that is meant to change numbers: npm run build && node scripts/make-loss-curve.mjs
// The curve is of one thread. How far 2 and 4 threads and other instruction sets of the CPU end up from it is measured
// each in a process of its own, because TensorFlow decides both once per process; the tolerance is derived from the
// largest of these.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const { curveLoss, curveSettings, lossCurve, stepsPerEpoch } = await import(
  join(root, 'dist/test/golden/lossCurve.js')
);
const { requireTensorFlow } = await import(join(root, 'dist/src/engine/install/locate.js'));
const { loadTensorFlow } = await import(join(root, 'dist/src/engine/tensorflow/cApi.js'));

if (process.argv[2] === '--curve') {
  const [threads, instructions] = process.argv.slice(3);
  // gala removes the variable before it loads TensorFlow; oneDNN reads the variable at its first operation.
  loadTensorFlow(requireTensorFlow());
  if (instructions !== undefined) process.env.ONEDNN_MAX_CPU_ISA = instructions;
  process.stdout.write(JSON.stringify(await lossCurve({ threads: Number(threads) })));
  process.exit(0);
}

const factor = 10;
const floor = 2e-5;
const ways = {
  '1 thread, again': ['1'],
  '2 threads': ['2'],
  '4 threads': ['4'],
  '1 thread, oneDNN held to AVX2': ['1', 'AVX2'],
  '1 thread, oneDNN held to SSE4.1': ['1', 'SSE41'],
};
const curveOf = words =>
  JSON.parse(
    execFileSync(process.execPath, [import.meta.filename, '--curve', ...words], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );

const golden = curveOf(['1']);
const spread = Object.fromEntries(
  Object.entries(ways).map(([way, words]) => {
    let largest = 0;
    const losses = curveOf(words);
    return [way, losses.map((loss, i) => (largest = Math.max(largest, Math.abs(loss - golden[i]))))];
  }),
);
const held = Object.entries(ways).filter(([, words]) => words.length > 1);
if (held.every(([way]) => spread[way].every(distance => distance === 0)))
  throw new Error('No instruction set changes a bit, so ONEDNN_MAX_CPU_ISA had no effect.');
const tolerance = golden.map((_, i) =>
  Math.max(floor, factor * Math.max(...Object.values(spread).map(line => line[i]))),
);
const short = values => values.map(value => Number(value.toPrecision(3)));
const fixture = {
  settings: [...curveSettings, ...curveLoss, 'threads=1'],
  steps_per_epoch: stepsPerEpoch,
  losses: golden,
  tolerance: short(tolerance),
  measured: {
    made_on: new Date().toISOString().slice(0, 10),
    engine: 'tensorflow',
    cpu: cpus()[0].model,
    factor,
    floor,
    spread: Object.fromEntries(Object.entries(spread).map(([way, line]) => [way, short(line)])),
  },
};
const path = join(root, 'test/fixtures/loss_curve.json');
writeFileSync(
  path,
  `${JSON.stringify(fixture, null, 1).replaceAll(/\[\s+([-\d][-\d.e,\s]*)\]/g, (_, n) => `[${n.trim().replaceAll(/,\s+/g, ', ')}]`)}\n`,
);
process.stdout.write(`${path}\n`);
for (const [way, line] of Object.entries(spread))
  process.stdout.write(`${way}: ${line.at(-1).toExponential(1)} at the last step\n`);
