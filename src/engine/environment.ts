/**
 * Environment variables that the engines' libraries read. Those that could change the numbers are taken out of this
 * process before a library is loaded; those that cannot be undone, or are the user's choice, are told and recorded.
 */
import type { EngineInfo } from './program.js';

/** Variables of TensorFlow, oneDNN and OpenMP, and one that turns TF32 on or off against `precision`. */
const families = /^((TF|ONEDNN|DNNL|MKLDNN|MKL|KMP|GOMP|OMP)_|NVIDIA_TF32_OVERRIDE$)/;

/** Of these families: logs, memory and files. They change no number. */
const harmless = [
  /^TF_CPP_/,
  /^TF_(CPU_ALLOCATOR_USE_BFC|CPU_BFC_MEM_LIMIT_IN_MB|GPU_HOST_MEM_LIMIT_IN_MB|PER_DEVICE_MEMORY_LIMIT_MB)$/,
  /^TF_(GPU_ALLOCATOR|FORCE_GPU_ALLOW_GROWTH|FORCE_UNIFIED_MEMORY|DUMP_\w+)$/,
  /^(ONEDNN|DNNL)_(VERBOSE\w*|JIT_DUMP|JIT_PROFILE|JITDUMPDIR|PRIMITIVE_CACHE_CAPACITY)$/,
];

/**
 * Those that are told when they are taken out. Of the others a reader learns nothing: batch systems set what is of
 * threads, which `threads` decides, and TF_ is also the prefix of Terraform, whose values may be secret.
 */
const told = [
  /^(ONEDNN|DNNL|NVIDIA)_/,
  /^TF_.*(ONEDNN|ZENDNN|MKL|EIGEN|CUDNN|CUBLAS|AUTOTUNE|XLA|JIT_KERNELS|DEEP_CONV2D|MAXPOOL|DETERMINISTIC)/,
  /^TF_.*(MIXED_PRECISION|FP16)/,
];

/** What gala computes with; the variables of `families` that are neither here nor harmless are taken out. */
const chosen: Readonly<Record<string, string>> = {
  TF_ENABLE_ONEDNN_OPTS: '1', // off by default on older CPUs, and without it grouped convolutions have no gradient
};

/** What is taken where the user has not said otherwise. */
const usual: Readonly<Record<string, string>> = {
  TF_CPP_MIN_LOG_LEVEL: '2',
  TF_CPU_ALLOCATOR_USE_BFC: '1', // keeps its memory between steps: 2 % faster than malloc
};

/** Read by the loader, the C library's mathematics or the plugin: they can change the numbers, and stay as they are. */
const recordedAlways = /^(GLIBC_TUNABLES|LD_PRELOAD)$/;
const recordedForXla = /^(XLA_FLAGS|(CUBLAS|CUBLASLT|CUDNN|NCCL)_\w+)$/;

/** Where CUDA lies is no choice of numbers. */
const foldersInFlags = /--xla_gpu_cuda_data_dir=("[^"]*"|\S*)\s*/g;

/** Makes the environment of this process the one that gala computes with. To be called before a library is loaded. */
export function ownEnvironment(environment: NodeJS.ProcessEnv = process.env): void {
  for (const name of overruled(environment)) delete environment[name];
  for (const [name, value] of Object.entries(usual)) environment[name] ??= value;
  Object.assign(environment, chosen);
}

/** One sentence for each kind of variable that is set and could change the numbers of an engine. */
export function environmentNotes(engine: EngineInfo['engine'], environment: NodeJS.ProcessEnv = process.env): string[] {
  const removed = overruled(environment)
    .filter(name => told.some(form => form.test(name)))
    .map((name): [string, string] => [name, environment[name]!]);
  const kept = Object.entries(recordedEnvironment(engine, environment));
  return [
    ...(removed.length > 0 ? [`Not used, so that the same config gives the same numbers: ${listed(removed)}.`] : []),
    ...(kept.length > 0
      ? [`Set in the environment, and recorded in run.json because it can change the numbers: ${listed(kept)}.`]
      : []),
  ];
}

/** The variables with which an engine computes and which gala leaves as they are, by name; empty for most users. */
export function recordedEnvironment(
  engine: EngineInfo['engine'],
  environment: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const kept = Object.entries(environment).flatMap(([name, value = '']): [string, string][] => {
    if (!recordedAlways.test(name) && !(engine === 'xla' && recordedForXla.test(name))) return [];
    if (name === 'GLIBC_TUNABLES' && !value.includes('glibc.cpu.')) return []; // of memory only
    const text = value.replaceAll(foldersInFlags, '').trim();
    return text === '' ? [] : [[name, text]];
  });
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `NAME=value, NAME=value`, or `none`. */
export function describeEnvironment(environment: Readonly<Record<string, string>> = {}): string {
  return listed(Object.entries(environment)) || 'none';
}

function listed(variables: readonly (readonly [string, string])[]): string {
  return variables.map(([name, value]) => `${name}=${value}`).join(', ');
}

/** Names of variables that would change the numbers, or that `threads` decides. */
function overruled(environment: NodeJS.ProcessEnv): string[] {
  return Object.keys(environment)
    .filter(name => families.test(name) && !harmless.some(form => form.test(name)))
    .filter(name => environment[name] !== chosen[name])
    .sort();
}
