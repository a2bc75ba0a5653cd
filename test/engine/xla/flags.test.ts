/**
 * XLA_FLAGS: gala's choices for CUDA beside what the user set. This file loads no plugin for CPUs, which does not know
 * them.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadPlugin } from '../../../src/engine/pjrt/cApi.js';
import { newClient } from '../../../src/engine/pjrt/client.js';
import { cudaXlaFlags, withFlags } from '../../../src/engine/pjrt/xlaFlags.js';
import { temporaryFolder } from '../../temporaryFolder.js';
import { gpuCompiler, noCudaPlugin } from './plugin.js';

const temporary = temporaryFolder();
const chosen = '--xla_gpu_enable_command_buffer=+CONVOLUTION --xla_gpu_exclude_nondeterministic_ops=true';

test('For CUDA convolutions are recorded into graphs and kernels without a fixed order are left out', () => {
  assert.equal(cudaXlaFlags(undefined, 112), chosen);
  assert.equal(cudaXlaFlags(' --xla_dump_to=/tmp/x  ', 115), `--xla_dump_to=/tmp/x ${chosen}`);
});

test('A flag that the user set stays as it is, an empty value too', () => {
  const graphsOff = '--xla_gpu_enable_command_buffer=';
  assert.equal(cudaXlaFlags(graphsOff, 112), `${graphsOff} --xla_gpu_exclude_nondeterministic_ops=true`);
  const all = '--xla_gpu_exclude_nondeterministic_ops=false --xla_gpu_enable_command_buffer=+WHILE';
  assert.equal(cudaXlaFlags(all, 112), all);
  assert.equal(withFlags('-a=1 --bc', { a: '2', b: '3', bc: '4' }), '-a=1 --bc --b=3');
});

test('A value with white space is quoted; a file of flags is read, and must be there', () => {
  assert.equal(withFlags(undefined, { a: '/home/my name' }), '--a="/home/my name"');
  assert.equal(withFlags('--b="x  y"', { a: '1' }), '--b="x  y" --a=1');
  const file = join(temporary, 'flags');
  mkdirSync(temporary, { recursive: true });
  writeFileSync(file, '--b=2\n--c=3\n');
  assert.equal(withFlags(file, { a: '1', c: '4' }), '--b=2\n--c=3 --a=1');
  assert.throws(() => withFlags(join(temporary, 'none'), {}), {
    name: 'EngineError',
    message: /XLA_FLAGS names a file/,
  });
});

test(
  'A plugin older than those known to have the flags gets none: XLA ends the process at one that it ' + 'does not know',
  () => {
    assert.equal(cudaXlaFlags(undefined, 111), undefined);
    assert.equal(cudaXlaFlags('--x=1', 81), '--x=1');
  },
);

test('The pinned CUDA plugin is given them before it makes a client', { skip: noCudaPlugin }, () => {
  const before = process.env.XLA_FLAGS;
  try {
    const api = loadPlugin(gpuCompiler!);
    assert.ok(process.env.XLA_FLAGS!.endsWith(chosen), process.env.XLA_FLAGS);
    assert.throws(() => newClient(api), /No visible GPU devices/);
  } finally {
    if (before === undefined) delete process.env.XLA_FLAGS;
    else process.env.XLA_FLAGS = before;
  }
});
