/** Which environment variables reach the engines' libraries, and what is said of the others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { environmentNotes, prepareEnvironment, recordedEnvironment } from '../../src/engine/environment.js';

const changing = {
  TF_ENABLE_ONEDNN_OPTS: '0',
  TF_SET_ONEDNN_FPMATH_MODE: 'BF16',
  TF_XLA_FLAGS: '--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit',
  TF_USE_EIGEN_PARALLEL_FOR_IN_WORK_SHARDER: '1',
  ONEDNN_MAX_CPU_ISA: 'AVX2',
  DNNL_MAX_CPU_ISA: 'AVX2',
  ONEDNN_DEFAULT_FPMATH_MODE: 'BF16',
  NVIDIA_TF32_OVERRIDE: '0',
};
const ofThreads = { OMP_NUM_THREADS: '7', KMP_AFFINITY: 'compact', MKL_NUM_THREADS: '7', TF_NUM_INTRAOP_THREADS: '7' };
// Terraform's, and one that TensorFlow may come to read.
const unknown = { TF_VAR_password: 'secret', TF_CLI_CONFIG_FILE: 'secret', TF_NEW: '1' };
const harmless = { TF_CPP_VMODULE: 'a=1', ONEDNN_VERBOSE: '1', TF_FORCE_GPU_ALLOW_GROWTH: 'true', PATH: '/bin' };
const chosen = { TF_CPP_MIN_LOG_LEVEL: '2', TF_CPU_ALLOCATOR_USE_BFC: '1', TF_ENABLE_ONEDNN_OPTS: '1' };

test('What could change the numbers is taken out, what cannot stays', () => {
  const environment = { ...changing, ...ofThreads, ...unknown, ...harmless };
  prepareEnvironment(environment);
  assert.deepEqual(environment, { ...harmless, ...chosen });
  const quiet = { TF_CPP_MIN_LOG_LEVEL: '0', TF_CPU_ALLOCATOR_USE_BFC: '0' };
  const kept = { ...quiet };
  prepareEnvironment(kept);
  assert.deepEqual(kept, { ...chosen, ...quiet }, 'logs and memory are the user’s');
});

test('Each variable that is taken out is named with its value; what is of threads, or not TensorFlow’s, is not', () => {
  const [note, ...others] = environmentNotes('tensorflow', { ...changing, ...ofThreads, ...unknown, ...harmless });
  for (const [name, value] of Object.entries(changing)) assert.ok(note!.includes(`${name}=${value}`), name);
  for (const name of Object.keys({ ...ofThreads, ...unknown, ...harmless })) assert.ok(!note!.includes(name), name);
  assert.deepEqual(others, []);
  assert.deepEqual(
    environmentNotes('tensorflow', { ...ofThreads, ...unknown, ...harmless, TF_ENABLE_ONEDNN_OPTS: '1' }),
    [],
  );
});

test('Settings of the C library’s memory change no number', () => {
  assert.deepEqual(recordedEnvironment('tensorflow', { GLIBC_TUNABLES: 'glibc.malloc.arena_max=1' }), {});
});

test('What stays and can change the numbers is recorded and told, without the folder of CUDA', () => {
  const environment = {
    XLA_FLAGS: '--xla_gpu_cuda_data_dir=/usr/local/cuda --xla_cpu_enable_fast_math=true',
    NCCL_ALGO: 'Ring',
    GLIBC_TUNABLES: 'glibc.cpu.hwcaps=-AVX2',
    LD_PRELOAD: '',
  };
  const forAll = { GLIBC_TUNABLES: 'glibc.cpu.hwcaps=-AVX2' };
  assert.deepEqual(recordedEnvironment('tensorflow', environment), forAll);
  const forXla = { ...forAll, NCCL_ALGO: 'Ring', XLA_FLAGS: '--xla_cpu_enable_fast_math=true' };
  assert.deepEqual(recordedEnvironment('xla', environment), forXla);
  const [note] = environmentNotes('xla', environment);
  assert.match(note!, /run\.json.*GLIBC_TUNABLES=glibc\.cpu\.hwcaps=-AVX2, NCCL_ALGO=Ring, XLA_FLAGS=--xla_cpu/);
  assert.deepEqual(recordedEnvironment('xla', { XLA_FLAGS: '--xla_gpu_cuda_data_dir="/a b"', HOME: '/' }), {});
});
