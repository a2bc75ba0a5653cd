/** Lists the kernels of a step, with their kind and the bytes that they move. */
import { byteLength, type Computation, called, type HloModule, type Instruction, shapesOf, stepOf } from './hlo.js';

export const kernelKinds = [
  'convolution',
  'matrix product',
  'reduction',
  'elementwise',
  'transpose',
  'copy',
  'sort',
  'scatter',
  'all-reduce',
  'other collective',
  'other',
] as const;
export type KernelKind = (typeof kernelKinds)[number];

export interface Kernel {
  readonly instruction: Instruction;
  readonly kind: KernelKind;
  /** Bytes of device memory that are read and written. Of a slice or an update in place only its own part counts. */
  readonly bytes: number;
}

/** Instructions that launch no kernel. */
const free = /^(parameter|get-tuple-element|tuple|bitcast|constant|while|.*-done|partition-id|after-all|opt-barrier)$/;
const collective = /^(all-gather|all-to-all|collective-|reduce-scatter)/;
/** Operations that only move values. */
const moving = new Set([
  'copy',
  'slice',
  'dynamic-slice',
  'dynamic-update-slice',
  'reshape',
  'concatenate',
  'broadcast',
  'pad',
  'bitcast',
  'constant',
  'parameter',
  'tuple',
]);

export function kernelsOfStep(module: HloModule): Kernel[] {
  const step = stepOf(module);
  return [...step.values()]
    .filter(({ opcode }) => !free.test(opcode))
    .map(instruction => ({
      instruction,
      kind: kindOf(module, instruction),
      bytes: bytesMoved(module, step, instruction),
    }));
}

function kindOf(module: HloModule, instruction: Instruction): KernelKind {
  const { opcode, attributes } = instruction;
  if (opcode === 'custom-call') {
    const target = /custom_call_target="([^"]+)"/.exec(attributes)?.[1] ?? '';
    if (target.startsWith('__cudnn$conv')) return 'convolution';
    return target.startsWith('__cublas') ? 'matrix product' : 'other';
  }
  const inside = opcodesOf(module, instruction);
  const has = (...names: string[]) => names.some(name => inside.has(name));
  if (has('all-reduce', 'all-reduce-start')) return 'all-reduce';
  if ([...inside].some(name => collective.test(name))) return 'other collective';
  if (has('scatter', 'select-and-scatter')) return 'scatter';
  if (has('sort')) return 'sort';
  if (has('convolution')) return 'convolution';
  if (has('dot')) return 'matrix product';
  if (has('reduce', 'reduce-window')) return 'reduction';
  if (has('transpose')) return 'transpose';
  return [...inside].every(name => moving.has(name)) ? 'copy' : 'elementwise';
}

/** The operations of a kernel: the instruction, or all instructions of a fusion. Bodies of reductions do not count. */
function opcodesOf(module: HloModule, instruction: Instruction): Set<string> {
  if (instruction.opcode !== 'fusion') return new Set([instruction.opcode]);
  const fused = called(module, instruction, 'calls');
  return new Set([...(fused?.values() ?? [])].flatMap(inner => [...opcodesOf(module, inner)]));
}

function bytesMoved(module: HloModule, step: Computation, instruction: Instruction): number {
  const { operands, type } = instruction;
  const fused = instruction.opcode === 'fusion' ? called(module, instruction, 'calls') : undefined;
  const typeOf = (name: string) => step.get(name)?.type ?? '';
  if (!fused) return byteLength(type) + operands.reduce((sum, name) => sum + byteLength(typeOf(name)), 0);
  const inner = [...fused.values()];
  const read = operands.map((name, i) => {
    const parameter = inner.find(({ parameter: index }) => index === i);
    const whole = byteLength(typeOf(name));
    return parameter ? Math.min(whole, shareRead(inner, parameter) * whole) : whole;
  });
  const root = inner.find(({ isRoot }) => isRoot);
  const update = root?.opcode === 'dynamic-update-slice' ? fused.get(root.operands[1]!) : undefined;
  return byteLength(update?.type ?? type) + read.reduce((sum, bytes) => sum + bytes, 0);
}

/**
 * The share of a value's elements that a fusion reads: the part of a slice, and nothing of a value updated in place.
 */
function shareRead(fused: readonly Instruction[], value: Instruction): number {
  const users = fused.filter(({ operands }) => operands.includes(value.name));
  if (users.length === 0 || value.isRoot) return 1;
  return users.reduce((sum, user) => {
    const { opcode, operands } = user;
    if (opcode === 'slice' || opcode === 'dynamic-slice') return sum + elements(user) / elements(value);
    if (/^(bitcast|convert|copy|reshape|transpose)$/.test(opcode)) return sum + shareRead(fused, user);
    const updated = opcode === 'dynamic-update-slice' && operands.indexOf(value.name) === 0;
    return updated ? sum : 1;
  }, 0);
}

function elements({ type }: Instruction): number {
  const [shape] = shapesOf(type);
  return shape?.dimensions.reduce((product, size) => product * size, 1) ?? 0;
}
