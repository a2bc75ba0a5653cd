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
  return cpuField('flags')
    .split(/\s+/)
    .filter(flag => flag !== '');
}

/** What /proc/cpuinfo says of the first core; empty where it says nothing. */
function cpuField(name: 'flags' | 'vendor_id'): string {
  try {
    return new RegExp(`^${name}\\s*:(.*)$`, 'm').exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1]?.trim() ?? '';
  } catch {
    return '';
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

/**
 * True where a training step is faster in bf16 than in fp32 (docs/benchmarks.md): with AMX, and with AMD's AVX-512.
 * Intel's AVX-512 multiplies as many bfloat16 as float32 numbers in a cycle, so converting them is a loss.
 */
export function bf16Pays(set: InstructionSet = instructionSet(), vendor = cpuField('vendor_id')): boolean {
  const has = (needed: InstructionSet) => widthOf(set) >= widthOf(needed);
  return has('avx512_core_amx') || (has('avx512_core_bf16') && vendor === 'AuthenticAMD');
}

function widthOf(set: InstructionSet): number {
  return instructionSets.findIndex(([name]) => name === set);
}
