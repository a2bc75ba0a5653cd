// How fast is the GPU? gala's benchmark and the peer's modes, in turns, in one session. Each run is a process with its
// own time limit.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { milliseconds } from './machine.mjs';
import { recorded, runTraining, tell } from './training.mjs';

const small = ['train.batch_size=4', 'eval.batch_size=4', 'threads=2'];

/** A first look: 20 epochs on the bundled dataset, gala's step of ResNet-32, and four modes of the peer, once each. */
export function look(check, note) {
  const epochs = check.onCpu ? 1 : 20;
  const seconds = check.onCpu ? check.left() : Math.min(75, check.left());
  const { files, ...training } = runTraining(check, { name: 'look', config: 'fashion_mnist_lt/gala', epochs, seconds });
  const recorded_on_cpu = recorded(check, 'cpu-look.json');
  note({ training, epochs, recorded_on_cpu });
  tell(epochs, training, recorded_on_cpu);
  const peers = [
    [],
    ['--amp', '--channels-last'],
    ['--cuda-graph', '--amp', '--channels-last'],
    ['--compile', '--amp', '--channels-last'],
  ];
  const contenders = [
    galaContender(check, 'gala bf16', ['precision=bf16']),
    ...peerContenders(check, 'resnet32', ['--batch', '64'], peers),
  ];
  const figures = compare(check, contenders, note);
  const rate = name => figures[name]?.train_img_s;
  const eager = Math.max(rate('torch') ?? 0, rate('torch amp channels-last') ?? 0);
  const best = Math.max(...Object.keys(figures).map(name => (name.startsWith('torch') ? (rate(name) ?? 0) : 0)));
  return withGoals(
    {
      'gala over PyTorch eager (goal 3)': rate('gala bf16') / eager,
      'gala over its best (goal 1)': rate('gala bf16') / best,
    },
    note,
    figures,
  );
}

/** ResNet-50 at 224 × 224 pixels and a batch of 256. */
export function large(check, note) {
  const batch = check.onCpu ? 2 : 256;
  const side = check.onCpu ? ['data.image_size=32'] : [];
  const keys = [`train.batch_size=${batch}`, 'train.accumulate=1', 'train.mixup_alpha=0', 'data.augment=[]', ...side];
  const given = ['--batch', `${batch}`, '--classes', '1000', ...(check.onCpu ? ['--size', '32'] : [])];
  const contenders = [
    galaContender(check, 'gala bf16', [...keys, 'precision=bf16'], { config: 'imagenet_lt/mixup_resnet50', steps: 20 }),
    ...peerContenders(check, 'resnet50', given, [
      ['--amp', '--channels-last'],
      ['--compile', '--amp', '--channels-last'],
    ]),
  ];
  const figures = compare(check, contenders, note);
  const best = Math.max(
    ...Object.entries(figures).map(([name, { train_img_s = 0 }]) => (name.startsWith('torch') ? train_img_s : 0)),
  );
  return withGoals(
    { 'gala over the best of PyTorch (goal 1)': figures['gala bf16']?.train_img_s / best },
    note,
    figures,
  );
}

/** The effect of XLA's flags and of gala's choices, in bf16; the program is compiled for each variant. */
export function variants(check, note) {
  const graphs = value => `--xla_gpu_enable_command_buffer=${value}`;
  const contenders = [
    ['as gala sets them', ''],
    ['no CUDA graphs', graphs('')],
    ['graphs of whole loops too', graphs('+CONVOLUTION,+WHILE')],
    ['kernels without a fixed order allowed', '--xla_gpu_exclude_nondeterministic_ops=false'],
    ["graphs by XLA's default, without convolutions", graphs('-CONVOLUTION')],
    ['autotuning off', '--xla_gpu_autotune_level=0'],
  ].map(([name, XLA_FLAGS]) => galaContender(check, name, ['precision=bf16'], { XLA_FLAGS }));
  const figures = compare(check, contenders, note);
  // A plugin for CPUs does not know CUDA's flags
  return { ok: check.onCpu || !figures['as gala sets them']?.error };
}

/** Files of a dump that are kept, of the largest module, which is the train step. */
const wanted = ['thunk_sequence_after_thunk_passes.txt', 'after_optimizations.txt', 'autotune_results.pbtxt'];

/** Why is a step slow? Its time at several batch sizes, and what XLA compiled: the list of thunks and the module. */
export function explain(check, note) {
  const figures = batchSizes(check, note);
  const folder = mkdtempSync(join(check.home, 'dump-'));
  const XLA_FLAGS = `${process.env.XLA_FLAGS ?? ''} --xla_dump_to=${folder} --xla_dump_hlo_as_text`.trim();
  const args = ['bench', 'train', '--steps', '1', '--warmup', '1', '--set', 'engine=xla', `device=${check.device}`];
  const keys = check.onCpu ? ['train.batch_size=2', 'threads=2'] : [];
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(check.gala, 'bin/gala.mjs'), ...args, ...keys, 'precision=bf16'],
    // The flags are part of the cache's key, so the program is compiled again
    { encoding: 'utf8', env: { ...process.env, XLA_FLAGS }, timeout: milliseconds(check.left()) },
  );
  if (status !== 0) throw new Error(`no dump: ${stderr.slice(-800)}`);
  const names = readdirSync(folder);
  const kept = wanted.flatMap(suffix => {
    const largest = names
      .filter(name => name.endsWith(suffix))
      .map(name => ({ name, bytes: readFileSync(join(folder, name)) }))
      .sort((a, b) => b.bytes.length - a.bytes.length)[0];
    if (!largest) return [];
    const file = join(check.home, `${suffix}.gz`);
    writeFileSync(file, gzipSync(largest.bytes));
    if (check.out !== check.home) copyFileSync(file, join(check.out, `${suffix}.gz`));
    return [`${suffix}.gz`];
  });
  rmSync(folder, { recursive: true, force: true });
  process.stdout.write(`dumped: ${kept.join(', ')}\n`);
  note({ dumped: kept });
  return { ok: kept.length > 0 && Object.values(figures).every(({ error }) => !error) };
}

/** Step times of gala at several batch sizes: they show the time per step and the time per image. */
function batchSizes(check, note) {
  const sizes = check.onCpu ? [2, 4] : [64, 128, 256];
  const contenders = sizes.map(size =>
    galaContender(check, `batch ${size}`, [`train.batch_size=${size}`, 'precision=bf16'], { own: true }),
  );
  return compare(check, contenders, note);
}

/** Prints the ratios. The check fails only where a benchmark of gala does not run. */
function withGoals(ratios, note, figures) {
  const known = Object.entries(ratios).filter(([, ratio]) => Number.isFinite(ratio));
  note({ ratios: Object.fromEntries(known.map(([name, ratio]) => [name, Number(ratio.toFixed(3))])) });
  for (const [name, ratio] of known) process.stdout.write(`${name}: ${ratio.toFixed(2)}×\n`);
  return { ok: Object.entries(figures).every(([name, { error }]) => !name.startsWith('gala') || !error) };
}

/** `gala bench train` in a process of its own, because XLA reads XLA_FLAGS once per process. */
function galaContender({ gala, device, onCpu }, name, set, { XLA_FLAGS = '', config, steps = 400, own = false } = {}) {
  const counts = onCpu
    ? ['--steps', '1', '--warmup', '1']
    : ['--steps', `${steps}`, '--warmup', `${Math.ceil(steps / 3)}`];
  const keys = ['engine=xla', `device=${device}`, ...(onCpu ? (own ? ['threads=2'] : small) : []), ...set];
  const args = [
    ...[join(gala, 'bin/gala.mjs'), 'bench', 'train', ...(config ? ['--config', config] : []), '--set'],
    ...[...keys, ...counts],
  ];
  return {
    name,
    measure: seconds => measured(process.execPath, args, { ...process.env, ...(XLA_FLAGS && { XLA_FLAGS }) }, seconds),
  };
}

/** `torch_gala.py bench`, which measures training and inference in one process. */
function peerContenders({ stage, python, onCpu }, model, given, modes) {
  const script = join(stage, 'torch_gala.py');
  if (!existsSync(script)) return [];
  const steps = onCpu ? ['--steps', '1', '--warmup', '1'] : ['--steps', '200', '--warmup', '30'];
  return modes
    .filter(mode => !onCpu || !mode.some(flag => ['--cuda-graph', '--compile'].includes(flag)))
    .map(mode => ({
      name: `torch${mode.map(flag => flag.replace('--', ' ')).join('')}`,
      measure: seconds =>
        measured(
          python,
          [script, 'bench', model, ...given, ...steps, ...mode, '--device', onCpu ? 'cpu' : 'cuda'],
          process.env,
          seconds,
        ),
    }));
}

function measured(command, args, env, seconds) {
  const { stdout, stderr, status, error } = spawnSync(command, args, {
    encoding: 'utf8',
    env,
    timeout: milliseconds(seconds),
  });
  if (status !== 0) return { error: shortened(`${error?.message ?? ''} ${stderr}`.trim()) };
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

/** Keeps the start and the end: XLA prints the reason first, Python last. */
function shortened(message) {
  return message.length > 900 ? `${message.slice(0, 500)} … ${message.slice(-400)}` : message;
}

/**
 * Runs the contenders one by one while time is left, each for at most a minute. Prints a table, returns the figures.
 */
function compare(check, contenders, note) {
  const figures = {};
  for (const { name, measure } of contenders) {
    const seconds = Math.min(60, check.left());
    const { error, train_img_s, end_to_end_img_s, infer_img_s, train_ms, ...details } =
      seconds < 5 ? { error: 'no time was left' } : measure(seconds);
    figures[name] = error ? { error } : { train_img_s, end_to_end_img_s, infer_img_s, train_ms, details };
    note({ figures });
    process.stderr.write(`${name}: ${error ?? `${train_img_s} img/s`}\n`);
  }
  const shown = value => (value === undefined ? '' : value.toFixed(0));
  process.stdout.write('| img/s | train step | with the data pipeline |\n|---|---:|---:|\n');
  for (const [name, { error, train_img_s, end_to_end_img_s }] of Object.entries(figures))
    process.stdout.write(`| ${name} | ${error ? 'failed' : shown(train_img_s)} | ${shown(end_to_end_img_s)} |\n`);
  return figures;
}
