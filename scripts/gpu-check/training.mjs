// Whole runs: on the bundled dataset, then on CIFAR100-LT with imbalance 100, first without compiled programs, then
// with those of the first run.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { median } from '../median.mjs';
import { milliseconds } from './machine.mjs';

const goalSeconds = 60;
/** Two seeds differ by less than this in top-1 after 200 epochs (docs/benchmarks.md). */
const noise = 1.5;
const wholeRun = 200;

/** 200 epochs, with the compilation. Compares the accuracy with that of the run recorded on a CPU. */
export function train(check, note) {
  const epochs = epochsOf(check);
  const { files, ...run } = runTraining(check, {
    name: 'train',
    config: configOf(check),
    epochs,
    seconds: check.left(),
  });
  const recorded_on_cpu = recorded(check, check.onCpu ? 'cpu-look.json' : 'cpu-run.json');
  const within_noise = Math.abs(run.rebalanced - recorded_on_cpu.rebalanced) <= noise;
  const whole = epochs === wholeRun && !check.onCpu;
  note({ ...run, epochs, recorded_on_cpu, ...(whole && { within_noise }) });
  tell(epochs, run, recorded_on_cpu);
  return { ok: !whole || within_noise };
}

/** The same run again with the compiled programs: it must give the same bits. */
export function again(check, note) {
  const epochs = epochsOf(check);
  const before = filesOf(runFolder(check, 'train', configOf(check)));
  const { files, ...run } = runTraining(check, {
    name: 'again',
    config: configOf(check),
    epochs,
    seconds: check.left(),
  });
  const same_bits = files.every((text, i) => text === before[i]);
  note({ ...run, same_bits, goal_seconds: goalSeconds, goal_met: run.seconds <= goalSeconds });
  process.stdout.write(
    `${run.seconds.toFixed(1)} s (goal for 200 epochs: ${goalSeconds}), the same bits: ${same_bits}\n`,
  );
  return { ok: same_bits };
}

export function tell(epochs, { seconds, epoch_seconds, plain, rebalanced }, onCpu) {
  const time = `${epochs} epochs: ${seconds.toFixed(1)} s, ${JSON.stringify(epoch_seconds)} s an epoch`;
  const scores = `top-1 ${plain} plain, ${rebalanced} re-balanced`;
  process.stdout.write(`${time}, ${scores} (whole run on a CPU: ${JSON.stringify(onCpu)})\n`);
}

export const recorded = ({ stage }, name) => JSON.parse(readFileSync(join(stage, name), 'utf8'));
const epochsOf = ({ onCpu }) => Number(process.env.GPU_CHECK_EPOCHS ?? (onCpu ? 1 : wholeRun));
// XLA on a CPU would need hours for CIFAR; the bundled dataset takes a minute per epoch
const configOf = ({ onCpu }) => (onCpu ? 'fashion_mnist_lt/gala' : 'cifar100_lt/gala_if100');
const outputOf = ({ home }, name) => join(home, `runs-${name}`);

function runFolder(check, name, config) {
  const folder = join(outputOf(check, name), config);
  return join(folder, readdirSync(folder)[0]);
}

/** Runs `gala train` in a process. Returns its time, scores and files. Throws where it fails or exceeds the limit. */
export function runTraining(check, { name, config, epochs, seconds: limit }) {
  const { gala, device } = check;
  const more = (process.env.GPU_CHECK_SET ?? '').split(' ').filter(key => key !== '');
  const output = outputOf(check, name);
  rmSync(output, { recursive: true, force: true });
  const set = ['engine=xla', `device=${device}`, `train.epochs=${epochs}`, ...more];
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(gala, 'bin/gala.mjs'), 'train', '--config', config, '--set', ...set, '--output', output, '--json'],
    { encoding: 'utf8', timeout: milliseconds(limit), maxBuffer: 2 ** 28 },
  );
  const seconds = (performance.now() - started) / 1000;
  if (status !== 0)
    throw new Error(
      `gala train ended with ${status} after ${seconds.toFixed(0)} s: ${stderr.slice(-1500)}${stdout.slice(-500)}`,
    );
  const run = runFolder(check, name, config);
  return { seconds, ...scoresOf(run), files: filesOf(run) };
}

function filesOf(run) {
  return ['predictions.csv', 'gradients.jsonl'].map(name => readFileSync(join(run, name), 'utf8'));
}

/** Scores after the last epoch, and median times of an epoch without and with evaluation. */
function scoresOf(run) {
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  const last = lines.at(-1);
  const { engine } = JSON.parse(readFileSync(join(run, 'run.json'), 'utf8'));
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
  };
}
