import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bf16Pays, instructionSet } from '../../src/machine/cpu.js';

const avx2 = ['sse4_1', 'avx', 'avx2', 'fma'];
const avx512 = [...avx2, 'avx512f', 'avx512bw', 'avx512vl', 'avx512dq'];
const cooperLake = [...avx512, 'avx512_vnni', 'avx512_bf16'];
const withoutAmx = [...cooperLake, 'avx512_fp16'];
const sapphireRapids = [...withoutAmx, 'amx_tile', 'amx_int8', 'amx_bf16'];

test('The instruction set is the widest that a CPU has whole', () => {
  assert.equal(instructionSet([]), 'unknown');
  assert.equal(instructionSet(['sse4_1', 'avx', 'avx2']), 'avx', 'AVX2 without FMA');
  assert.equal(instructionSet(avx2), 'avx2');
  assert.equal(instructionSet([...avx2, 'avx512f']), 'avx2', 'a part of AVX-512');
  assert.equal(instructionSet(avx512), 'avx512_core');
  assert.equal(instructionSet(cooperLake), 'avx512_core_bf16');
  assert.equal(instructionSet(sapphireRapids), 'avx512_core_amx');
});

test('bf16 pays with AMX, and with avx512_bf16 on AMD, not on Intel', () => {
  const paysOn = (vendor: string) =>
    [avx2, avx512, cooperLake, withoutAmx, sapphireRapids].map(flags => bf16Pays(instructionSet(flags), vendor));
  assert.deepEqual(paysOn('GenuineIntel'), [false, false, false, false, true]);
  assert.deepEqual(paysOn('AuthenticAMD'), [false, false, true, true, true]);
});
