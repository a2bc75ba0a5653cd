import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instructionSet, multipliesBf16 } from '../../src/machine/cpu.js';

const avx2 = ['sse4_1', 'avx', 'avx2', 'fma'];
const avx512 = [...avx2, 'avx512f', 'avx512bw', 'avx512vl', 'avx512dq'];
const cooperLake = [...avx512, 'avx512_vnni', 'avx512_bf16'];
const sapphireRapids = [...cooperLake, 'avx512_fp16', 'amx_tile', 'amx_int8', 'amx_bf16'];

test('The instruction set is the widest that a CPU has whole', () => {
  assert.equal(instructionSet([]), 'unknown');
  assert.equal(instructionSet(['sse4_1', 'avx', 'avx2']), 'avx', 'AVX2 without FMA');
  assert.equal(instructionSet(avx2), 'avx2');
  assert.equal(instructionSet([...avx2, 'avx512f']), 'avx2', 'a part of AVX-512');
  assert.equal(instructionSet(avx512), 'avx512_core');
  assert.equal(instructionSet(cooperLake), 'avx512_core_bf16');
  assert.equal(instructionSet(sapphireRapids), 'avx512_core_amx');
});

test('bf16 pays from avx512_core_bf16 on', () => {
  const sets = [avx2, avx512, cooperLake, sapphireRapids].map(flags => instructionSet(flags));
  assert.deepEqual(sets.map(multipliesBf16), [false, false, true, true]);
});
