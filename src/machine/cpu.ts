/** What the CPU can do, as Linux tells it. */
import { readFileSync } from 'node:fs';

/** Instruction sets as oneDNN names them, from narrow to wide: each one holds those before it. */
const instructionSets = [
  ['sse41', ['sse4_1']],
  ['avx', ['avx']],
  ['avx2', ['avx2', 'fma']],
  ['avx512_core', ['avx512f', 'avx512bw', 'avx512vl', 'avx512dq']],
  ['avx512_core_vnni', ['avx512_vnni']],
  ['avx512_core_bf16', ['avx512_bf16']],
  ['avx512_core_fp16', ['avx512_fp16']],
  ['avx512_core_amx', ['amx_tile', 'amx_int8', 'amx_bf16']],
  ['avx512_core_amx_fp16', ['amx_fp16']],
] as const;

export type InstructionSet = (typeof instructionSets)[number][0] | 'unknown';

/** The flags of /proc/cpuinfo, in its order; empty where there is no such file. */
export function cpuFlags(): string[] {
  try {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1] ?? '';
    return flags.split(/\s+/).filter(flag => flag !== '');
  } catch {
    return [];
  }
}

/** The widest set that a CPU with these flags has whole: it decides which code runs, and so how sums are rounded. */
export function instructionSet(flags: readonly string[] = cpuFlags()): InstructionSet {
  const there = new Set(flags);
  let widest: InstructionSet = 'unknown';
  for (const [name, needed] of instructionSets) {
    if (!needed.every(flag => there.has(flag))) break;
    widest = name;
  }
  return widest;
}

/** True where the CPU multiplies bfloat16 natively; elsewhere bf16 is emulated and slower than fp32. */
export function multipliesBf16(set: InstructionSet = instructionSet()): boolean {
  const names: readonly string[] = instructionSets.map(([name]) => name);
  return names.indexOf(set) >= names.indexOf('avx512_core_bf16');
}
