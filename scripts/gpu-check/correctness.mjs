// Are the GPU's results right? Kernels against TF.js' reference backend, training steps against stored results of a
// CPU.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { milliseconds } from './machine.mjs';
import { difference, recordSteps, sizes } from './steps.mjs';

/** Runs the project's own test of every kernel and its gradient on this machine's plugin. */
export function kernels({ gala, plugin, onCpu, left }, note) {
  const test = join(gala, 'dist/test/engine/xla/kernels.test.js');
  const few = onCpu ? ['--test-name-pattern=(Conv2D|MaxPool|BatchNorm|Sum)'] : [];
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--test', '--test-reporter=spec', ...few, test], {
    encoding: 'utf8',
    env: { ...process.env, GALA_PJRT_PLUGIN: plugin },
    timeout: milliseconds(left()),
    maxBuffer: 2 ** 28,
  });
  const count = what => Number(new RegExp(`^ℹ ${what} (\\d+)$`, 'm').exec(stdout)?.[1] ?? Number.NaN);
  const failures = [...new Set(stdout.match(/✖ .*|max\|a−b\|.*/g) ?? [])].slice(0, 40);
  const result = { passed: count('pass'), failed: count('fail'), skipped: count('skipped'), failures };
  note(result);
  process.stdout.write(`${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped\n`);
  if (failures.length > 0) process.stdout.write(`${failures.join('\n')}\n`);
  const ok = status === 0 && result.passed > 0 && (onCpu || result.skipped === 0);
  if (!ok && failures.length === 0)
    throw new Error(`ended with ${status}: ${stdout.slice(-1000)}${stderr.slice(-1000)}`);
  return { ok };
}

/**
 * Largest allowed differences. fp32: ReLU's masks flip near zero, so two right engines differ by half a percent;
 * softplus has no masks. bf16 differs from fp32 by 7 % on a CPU with a batch of 64 (docs/benchmarks.md) and by 22 %
 * with a batch of 8. TF32 has 10 bits of mantissa, bf16 has 7.
 */
const limits = [
  { precision: 'fp32', activation: 'relu', gradients: 1e-2, first_loss: 1e-4, losses: 2e-2 },
  { precision: 'fp32', activation: 'softplus', gradients: 1e-4, first_loss: 1e-4, losses: 1e-3 },
  { precision: 'tf32', activation: 'relu', gradients: 5e-2, first_loss: 1e-2, losses: 5e-2 },
  { precision: 'tf32', activation: 'softplus', gradients: 2e-2, first_loss: 1e-2, losses: 2e-2 },
  { precision: 'bf16', activation: 'relu', gradients: 0.3, first_loss: 3e-2, losses: 0.1 },
  { precision: 'bf16', activation: 'softplus', gradients: 0.1, first_loss: 3e-2, losses: 0.1 },
];

/** Compares steps of ResNet-32 with GALA in every precision, and checks that a repetition gives the same bits. */
export async function steps({ stage, engine, onCpu }, note) {
  const size = onCpu ? 'small' : 'whole';
  const record = (precision, activation) => recordSteps(engine, precision, activation, sizes[size]);
  const stored = JSON.parse(readFileSync(join(stage, `cpu-steps-${size}.json`), 'utf8'));
  let allOk = true;
  for (const { precision, activation, ...limit } of limits) {
    const name = `${precision} ${activation}`;
    const started = performance.now();
    const actual = await record(precision, activation);
    const seconds = (performance.now() - started) / 1000;
    const found = difference(actual, stored[activation]);
    const ok = Object.keys(limit).every(key => found[key] <= limit[key]);
    const result = { ...found, limit, ok, seconds };
    if (activation === 'relu') {
      const again = await record(precision, activation);
      result.repeats = JSON.stringify(again) === JSON.stringify(actual);
    }
    allOk &&= ok && result.repeats !== false;
    note({ [name]: result });
    const shown = Object.entries(found).map(([key, value]) => `${key} ${value.toExponential(1)}`);
    process.stdout.write(
      `${name}: ${shown.join(', ')}: ` +
        `${ok ? 'ok' : 'TOO FAR'}${result.repeats === false ? ', OTHER BITS when repeated' : ''} ` +
        `(${seconds.toFixed(1)} s)\n`,
    );
  }
  return { ok: allOk };
}
