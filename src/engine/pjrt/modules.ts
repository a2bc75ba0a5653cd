/** From a Program to the module that XLA compiles, in the two steps that the `xla` engine takes. */
import type { Precision, Program, Specs } from '../program.js';
import { lower, type Module } from '../stablehlo/lower.js';
import type { TracedProgram } from '../trace/ir.js';
import { withBf16Convolutions } from '../trace/mixedPrecision.js';
import { trace } from '../trace/trace.js';

export interface ModuleOptions {
  readonly precision: Precision;
  /** Devices that share each batch; 1 when left out. */
  readonly devices?: number | undefined;
}

/** The program traced on a state of these types and rewritten for the options. Throws `EngineError`. */
export function tracedFor(program: Program, state: Specs, { precision }: ModuleOptions): TracedProgram {
  const traced = trace(program, state);
  return precision === 'bf16' ? withBf16Convolutions(traced) : traced;
}

/** The module of `count` steps in a call; without `count` of the program itself. Throws `EngineError`. */
export function moduleFor(
  traced: TracedProgram,
  state: Specs,
  { count, precision, devices = 1 }: ModuleOptions & { readonly count?: number | undefined },
): Module {
  return lower(traced, state, { count, floatProducts: precision === 'tf32' ? 'tf32' : 'fp32', devices });
}
