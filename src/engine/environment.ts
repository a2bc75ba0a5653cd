/**
 * Environment variables that the engines' libraries read. gala removes variables that can change the numbers from this
 * process before it loads a library. It keeps, notes and records those that take effect earlier or that are the user's
 * choice.
 */
import type { EngineInfo } from './program.js';

/** Variables of TensorFlow, oneDNN and OpenMP, and one that overrides the key `precision` for TF32. */
const families = /^((TF|ONEDNN|DNNL|MKLDNN|MKL|KMP|GOMP|OMP)_|NVIDIA_TF32_OVERRIDE$)/;

/** Variables of these families for logs, memory and files, which change no number. */
const harmless = [
  /^TF_CPP_/,
  /^TF_(CPU_ALLOCATOR_USE_BFC|CPU_BFC_MEM_LIMIT_IN_MB|GPU_HOST_MEM_LIMIT_IN_MB|PER_DEVICE_MEMORY_LIMIT_MB)$/,
  /^TF_(GPU_ALLOCATOR|FORCE_GPU_ALLOW_GROWTH|FORCE_UNIFIED_MEMORY|DUMP_\w+)$/,
  /^(ONEDNN|DNNL)_(VERBOSE\w*|JIT_DUMP|JIT_PROFILE|JITDUMPDIR|PRIMITIVE_CACHE_CAPACITY)$/,
];

/**
 * Variables whose removal is noted. The others are removed silently: batch systems set numbers of threads, which the
 * key `threads` decides, and TF_ is also the prefix of Terraform, whose values may be secret.
 */
const noted = [
  /^(ONEDNN|DNNL|NVIDIA)_/,
  /^TF_.*(ONEDNN|ZENDNN|MKL|EIGEN|CUDNN|CUBLAS|AUTOTUNE|XLA|JIT_KERNELS|DEEP_CONV2D|MAXPOOL|DETERMINISTIC)/,
  /^TF_.*(MIXED_PRECISION|FP16)/,
];

/** Values that gala always sets. */
const fixed: Readonly<Record<string, string>> = {
  TF_ENABLE_ONEDNN_OPTS: '1', // off by default on older CPUs, and without it grouped convolutions have no gradient
};

/** Values that gala sets unless the user has set the variable. */
const defaults: Readonly<Record<string, string>> = {
  TF_CPP_MIN_LOG_LEVEL: '2',
  TF_CPU_ALLOCATOR_USE_BFC: '1', // keeps its memory between steps: 2 % faster than malloc
};

/** Variables of the loader, of the C library and of XLA's plugin that can change the numbers and stay unchanged. */
const recordedAlways = /^(GLIBC_TUNABLES|LD_PRELOAD)$/;
const recordedForXla = /^(XLA_FLAGS|(CUBLAS|CUBLASLT|CUDNN|NCCL)_\w+)$/;

/** The folder of CUDA changes no number. */
const foldersInFlags = /--xla_gpu_cuda_data_dir=("[^"]*"|\S*)\s*/g;

/** Removes and sets variables of this process. Must be called before a library is loaded. */
export function prepareEnvironment(environment: NodeJS.ProcessEnv = process.env): void {
  for (const name of removedNames(environment)) delete environment[name];
  for (const [name, value] of Object.entries(defaults)) environment[name] ??= value;
  Object.assign(environment, fixed);
}

/** Sentences on the variables that are set and could change the numbers of an engine: removed and kept variables. */
export function environmentNotes(engine: EngineInfo['engine'], environment: NodeJS.ProcessEnv = process.env): string[] {
  const removed = removedNames(environment)
    .filter(name => noted.some(form => form.test(name)))
    .map((name): [string, string] => [name, environment[name]!]);
  const kept = Object.entries(recordedEnvironment(engine, environment));
  return [
    ...(removed.length > 0 ? [`Not used, so that the same config gives the same numbers: ${listed(removed)}.`] : []),
    ...(kept.length > 0
      ? [`Set in the environment, and recorded in run.json because it can change the numbers: ${listed(kept)}.`]
      : []),
  ];
}

/** Variables, by name, that can change the numbers of an engine and that gala leaves unchanged; mostly empty. */
export function recordedEnvironment(
  engine: EngineInfo['engine'],
  environment: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const kept = Object.entries(environment).flatMap(([name, value = '']): [string, string][] => {
    if (!recordedAlways.test(name) && !(engine === 'xla' && recordedForXla.test(name))) return [];
    if (name === 'GLIBC_TUNABLES' && !value.includes('glibc.cpu.')) return []; // such as glibc.malloc: memory only
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

/** Names of the set variables that gala removes. */
function removedNames(environment: NodeJS.ProcessEnv): string[] {
  return Object.keys(environment)
    .filter(name => families.test(name) && !harmless.some(form => form.test(name)))
    .filter(name => environment[name] !== fixed[name])
    .sort();
}
