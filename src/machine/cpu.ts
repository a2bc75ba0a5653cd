/** The CPU: how many cores this process may use, and the instructions that the CPU has. */
import { availableParallelism } from 'node:os';
import { cgroupLimits, textOf } from './cgroup.js';

/** Instruction sets by oneDNN's names, from narrow to wide, with the CPU flags that each adds to those before it. */
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

let counted: number | undefined;

/**
 * The cores of the process's CPU affinity, at most the CPU quota of its control groups rounded up: the system would
 * stop more threads for a part of each period. At least 1. Counted once per process.
 */
export function usableCores(): number {
  counted ??= coresWithin(availableParallelism(), cgroupLimits().cpus);
  return counted;
}

/** `cores`, or the quota rounded up where it is smaller. */
export function coresWithin(cores: number, quota: number | undefined): number {
  return Math.max(1, Math.min(cores, Math.ceil(quota ?? cores)));
}

/** The flags in /proc/cpuinfo, in its order; an empty list where there is no such file. */
export function cpuFlags(): string[] {
  return cpuField('flags')
    .split(/\s+/)
    .filter(flag => flag !== '');
}

/** A field of the first core in /proc/cpuinfo; empty where there is no such field. */
function cpuField(name: 'flags' | 'vendor_id'): string {
  return new RegExp(`^${name}\\s*:(.*)$`, 'm').exec(textOf('/proc/cpuinfo'))?.[1]?.trim() ?? '';
}

/**
 * The widest instruction set that a CPU with these flags has completely. It decides which code the libraries run, and
 * so how sums are rounded.
 */
export function instructionSet(flags: readonly string[] = cpuFlags()): InstructionSet {
  const present = new Set(flags);
  let widest: InstructionSet = 'unknown';
  for (const [name, needed] of instructionSets) {
    if (!needed.every(flag => present.has(flag))) break;
    widest = name;
  }
  return widest;
}

/**
 * Whether a training step is faster in bf16 than in fp32 (docs/benchmarks.md): with AMX, and with AMD's AVX-512.
 * Intel's AVX-512 multiplies as many bfloat16 as float32 numbers in a cycle, and the conversion takes time.
 */
export function bf16Pays(set: InstructionSet = instructionSet(), vendor = cpuField('vendor_id')): boolean {
  return (
    hasInstructions(set, 'avx512_core_amx') || (hasInstructions(set, 'avx512_core_bf16') && vendor === 'AuthenticAMD')
  );
}

/** Whether a CPU with the instruction set `set` has the instructions of `needed` too. */
export function hasInstructions(set: InstructionSet, needed: InstructionSet): boolean {
  const widthOf = (wanted: InstructionSet) => instructionSets.findIndex(([name]) => name === wanted);
  return widthOf(set) >= widthOf(needed);
}
