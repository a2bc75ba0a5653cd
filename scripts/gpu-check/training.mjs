// A whole CIFAR100-LT run at imbalance 100, twice: with an empty cache of compiled programs, and with what the first one left there.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { median } from '../median.mjs';

const goalSeconds = 60;
/** Top-1 of two seeds differs by less than this after 200 epochs (docs/benchmarks.md). */
const noise = 1.5;

export function train({ home, stage, gala, device, onCpu }, note) {
  // XLA on a CPU would train on CIFAR for hours; the bundled set takes a minute an epoch there
  const config = onCpu ? 'fashion_mnist_lt/gala' : 'cifar100_lt/gala_if100';
  const epochs = Number(process.env.GPU_CHECK_EPOCHS ?? 200);
  const more = (process.env.GPU_CHECK_SET ?? '').split(' ').filter(key => key !== '');
  const cache = join(home, 'cache-of-the-run');
  rmSync(cache, { recursive: true, force: true });
  const files = {};
  let warm;
  for (const which of ['cold', 'warm']) {
    const output = join(home, `runs-${which}`);
    rmSync(output, { recursive: true, force: true });
    const set = ['engine=xla', `device=${device}`, `train.epochs=${epochs}`, ...more];
    const started = performance.now();
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(gala, 'bin/gala.mjs'), 'train', '--config', config, '--set', ...set, '--output', output, '--json'],
      { encoding: 'utf8', env: { ...process.env, GALA_CACHE: cache }, maxBuffer: 2 ** 28 },
    );
    const seconds = (performance.now() - started) / 1000;
    if (status !== 0) throw new Error(`gala train ended with ${status}: ${stderr.slice(-1500)}${stdout.slice(-500)}`);
    const run = join(output, config, readdirSync(join(output, config))[0]);
    const result = { seconds, ...ofRun(run) };
    note({ [which]: result, epochs });
    process.stdout.write(
      `${which}: ${seconds.toFixed(1)} s, ${JSON.stringify(result.epoch_seconds)} s an epoch, top-1 ${result.plain} plain, ${result.rebalanced} re-balanced (last epoch)\n`,
    );
    files[which] = ['predictions.csv', 'gradients.jsonl'].map(name => readFileSync(join(run, name), 'utf8'));
    warm = result;
  }
  const same_bits = files.cold.every((text, i) => text === files.warm[i]);
  const onThisCpu = JSON.parse(readFileSync(join(stage, 'cpu-run.json'), 'utf8'));
  const wholeRun = epochs === 200 && more.length === 0;
  const within_noise = Math.abs(warm.rebalanced - onThisCpu.rebalanced) <= noise;
  note({
    same_bits,
    recorded_on_cpu: onThisCpu,
    within_noise,
    goal_seconds: goalSeconds,
    goal_met: warm.seconds <= goalSeconds,
  });
  process.stdout.write(`the same bits in both: ${same_bits}; recorded run on a CPU: ${JSON.stringify(onThisCpu)}\n`);
  return { ok: same_bits && (onCpu || !wholeRun || within_noise) };
}

/** Scores after the last epoch, and where the time of an epoch goes. */
function ofRun(run) {
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  const last = lines.at(-1);
  const { engine, results } = JSON.parse(readFileSync(join(run, 'run.json'), 'utf8'));
  const betweenEnds = lines.slice(1).map((line, i) => line.unix_seconds - lines[i].unix_seconds);
  const evaluated = lines.slice(1).map(line => line.test_top1 !== undefined);
  const medianOf = wanted => {
    const seconds = median(betweenEnds.filter((_, i) => evaluated[i] === wanted));
    return seconds === undefined ? null : Number(seconds.toFixed(3));
  };
  return {
    engine,
    training_seconds: last.training_seconds,
    plain: last.test_top1,
    rebalanced: last.test_top1_rebalanced,
    loss: last.loss,
    epoch_seconds: { plain: medianOf(false), evaluated: medianOf(true) },
    results,
  };
}
