// How fast is the GPU? gala's benchmark and the peer's modes, in turns, in one session.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { median } from '../median.mjs';

/** A try without a GPU is for the script, not for figures. */
const small = ['train.batch_size=4', 'eval.batch_size=4', 'threads=2'];
const rounds = Number(process.env.GPU_CHECK_ROUNDS ?? 2);

/** ResNet-32 at a batch of 64, train step and inference, in each precision, beside PyTorch. */
export function speed(check, note) {
  const contenders = [
    ...['fp32', 'tf32', 'bf16'].map(precision => galaContender(check, `gala ${precision}`, [`precision=${precision}`])),
    ...peerContenders(
      check,
      'resnet32',
      ['--batch', '64'],
      [
        [],
        ['--tf32'],
        ['--channels-last', '--tf32'],
        ['--amp', '--channels-last'],
        ['--compile', '--amp', '--channels-last'],
        ['--cuda-graph'],
        ['--cuda-graph', '--amp', '--channels-last'],
        ['--compile', '--cuda-graph', '--amp', '--channels-last'],
      ],
    ),
  ];
  const figures = compare(contenders, note);
  const best = names => Math.max(...names.map(name => figures[name]?.train_img_s ?? 0));
  const ours = best(Object.keys(figures).filter(name => name.startsWith('gala')));
  const peers = Object.keys(figures).filter(name => name.startsWith('torch'));
  const eager = peers.filter(name => !/compile|cuda-graph/.test(name));
  const goals = {
    'gala over PyTorch eager, best of each (goal 3)': ours / best(eager),
    'gala fp32 over PyTorch eager fp32': figures['gala fp32']?.train_img_s / figures.torch?.train_img_s,
    'gala over the best of all PyTorch modes (goal 1)': ours / best(peers),
  };
  return withGoals(goals, note, figures);
}

/** What XLA's flags cost or bring, in bf16 with a program compiled anew for each. */
export function flags(check, note) {
  const graphs = value => `--xla_gpu_enable_command_buffer=${value}`;
  const contenders = [
    ['as gala sets them', ''],
    ['no CUDA graphs', graphs('')],
    ["graphs by XLA's default, without convolutions", graphs('-CONVOLUTION')],
    ['graphs of whole loops too', graphs('+CONVOLUTION,+WHILE')],
    ['kernels without a fixed order allowed', '--xla_gpu_exclude_nondeterministic_ops=false'],
    ['autotuning off', '--xla_gpu_autotune_level=0'],
  ].map(([name, XLA_FLAGS]) => ({ ...galaContender(check, name, ['precision=bf16'], XLA_FLAGS), infer: undefined }));
  compare(contenders, note);
  return { ok: true };
}

/** ResNet-50 at 224 × 224 pixels and a batch of 256. */
export function large(check, note) {
  const batch = check.onCpu ? 2 : 256;
  const config = ['--config', 'imagenet_lt/mixup_resnet50', '--set'];
  const side = check.onCpu ? ['data.image_size=32'] : [];
  const keys = [`train.batch_size=${batch}`, 'train.accumulate=1', 'train.mixup_alpha=0', 'data.augment=[]', ...side];
  const contenders = [
    ...['tf32', 'bf16'].map(precision =>
      galaContender(check, `gala ${precision}`, [...keys, `precision=${precision}`], '', config),
    ),
    ...peerContenders(
      check,
      'resnet50',
      ['--batch', `${batch}`, '--classes', '1000', ...(check.onCpu ? ['--size', '32'] : [])],
      [
        ['--tf32', '--channels-last'],
        ['--amp', '--channels-last'],
        ['--compile', '--amp', '--channels-last'],
        ['--compile', '--cuda-graph', '--amp', '--channels-last'],
      ],
    ),
  ];
  const figures = compare(contenders, note);
  const best = prefix =>
    Math.max(
      ...Object.entries(figures).map(([name, { train_img_s = 0 }]) => (name.startsWith(prefix) ? train_img_s : 0)),
    );
  return withGoals({ 'gala over the best of PyTorch (goal 1)': best('gala') / best('torch') }, note, figures);
}

/** Prints the ratios. They decide nothing, but every benchmark of gala has to run. */
function withGoals(ratios, note, figures) {
  const known = Object.entries(ratios).filter(([, ratio]) => Number.isFinite(ratio));
  note({ ratios: Object.fromEntries(known.map(([name, ratio]) => [name, Number(ratio.toFixed(3))])) });
  for (const [name, ratio] of known) process.stdout.write(`${name}: ${ratio.toFixed(2)}×\n`);
  return { ok: Object.entries(figures).every(([name, { error }]) => !name.startsWith('gala') || !error) };
}

/** `gala bench` in a process of its own, for XLA_FLAGS are read once. */
function galaContender({ gala, device, onCpu }, name, set, XLA_FLAGS = '', config = ['--set']) {
  const steps = onCpu ? ['--steps', '1', '--warmup', '1'] : ['--steps', '500', '--warmup', '200'];
  const large = config.length > 1;
  const args = what => [
    join(gala, 'bin/gala.mjs'),
    ...['bench', what, ...config, 'engine=xla', `device=${device}`, ...(onCpu ? small : []), ...set],
    ...(large && !onCpu ? ['--steps', '20', '--warmup', '5'] : steps),
  ];
  const env = { ...process.env, ...(XLA_FLAGS && { XLA_FLAGS }) };
  return {
    name,
    train: () => measured(process.execPath, args('train'), env),
    infer: large ? undefined : () => measured(process.execPath, args('infer'), env),
  };
}

/** `torch_gala.py bench`, which times both in one process. */
function peerContenders({ stage, python, onCpu }, model, given, modes) {
  const script = join(stage, 'torch_gala.py');
  if (!existsSync(script)) return [];
  const steps = onCpu ? ['--steps', '1', '--warmup', '1'] : ['--steps', '200', '--warmup', '30'];
  return modes
    .filter(mode => !onCpu || !mode.some(flag => ['--cuda-graph', '--compile'].includes(flag)))
    .map(mode => ({
      name: `torch${mode.map(flag => flag.replace('--', ' ')).join('')}`,
      train: () =>
        measured(
          python,
          [script, 'bench', model, ...given, ...steps, ...mode, '--device', onCpu ? 'cpu' : 'cuda'],
          process.env,
        ),
    }));
}

function measured(command, args, env) {
  const { stdout, stderr, status, error } = spawnSync(command, args, { encoding: 'utf8', env, timeout: 240_000 });
  if (status !== 0) return { error: shortened(`${error?.message ?? ''} ${stderr}`.trim()) };
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

/** XLA prints what is wrong first and then all its flags; Python the other way round. */
function shortened(message) {
  return message.length > 900 ? `${message.slice(0, 500)} … ${message.slice(-400)}` : message;
}

/** Runs all in turns; prints a table of medians. Returns them by name. */
function compare(contenders, note) {
  const seen = Object.fromEntries(contenders.map(({ name }) => [name, { train: [], infer: [], end: [], details: {} }]));
  const figures = {};
  for (let round = 0; round < rounds; round++) {
    for (const { name, train, infer } of contenders) {
      const figure = seen[name];
      if (figure.details.error) continue;
      const result = train();
      const inference = infer?.() ?? result;
      figure.details = { ...result, ...(inference.error && { infer_error: inference.error }) };
      if (result.train_img_s) figure.train.push(result.train_img_s);
      if (inference.infer_img_s) figure.infer.push(inference.infer_img_s);
      if (result.end_to_end_img_s) figure.end.push(result.end_to_end_img_s);
      figures[name] = result.error
        ? { error: result.error }
        : {
            train_img_s: median(figure.train),
            infer_img_s: median(figure.infer),
            end_to_end_img_s: median(figure.end),
            rounds: figure.train,
            details: figure.details,
          };
      note({ figures });
      process.stderr.write(`round ${round + 1} ${name}: ${result.error ?? `${result.train_img_s} img/s`}\n`);
    }
  }
  const shown = value => (value === undefined ? '' : value.toFixed(0));
  process.stdout.write('| img/s | train step | with the data pipeline | infer |\n|---|---:|---:|---:|\n');
  for (const [name, figure] of Object.entries(figures)) {
    const cells = figure.error
      ? ['failed', '', '']
      : [figure.train_img_s, figure.end_to_end_img_s, figure.infer_img_s].map(shown);
    process.stdout.write(`| ${name} | ${cells.join(' | ')} |\n`);
  }
  return figures;
}
