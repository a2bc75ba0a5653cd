/** Every row of the table of kernels, with its gradient, compiled for an H200 that is not here. */
import { test } from 'node:test';
import type { Tensors } from '../../src/engine/program.js';
import { lower } from '../../src/engine/stablehlo/lower.js';
import { trace } from '../../src/engine/trace/trace.js';
import { compileProgram } from '../../src/plan/compile.js';
import { targets } from '../../src/plan/gpus.js';
import { cases, onReference, programOf } from '../engine/kernelCases/reference.js';
import { noGpuCompiler } from '../engine/xla/plugin.js';
import { describeUnless } from '../shared.js';
import { plugin } from './gpu.js';

/** So many in one module: each compilation has a start of its own. */
const together = 60;

describeUnless(noGpuCompiler, 'Kernels compile for an H200', () => {
  for (let first = 0; first < cases.length; first += together) {
    const rows = cases.slice(first, first + together);
    test(`rows ${first + 1} to ${first + rows.length} of ${cases.length}`, async context => {
      const parts = rows.map(row => programOf(row, onReference(row).inputs));
      const inputs = Object.fromEntries(
        parts.flatMap((part, i) => Object.entries(part.inputs).map(([name, spec]) => [`${i} ${name}`, spec])),
      );
      const own = (given: Tensors, i: number) =>
        Object.fromEntries(Object.keys(parts[i]!.inputs).map(name => [name, given[`${i} ${name}`]!]));
      const program = {
        inputs,
        apply: (state: Tensors, given: Tensors) => {
          const results = parts.map((part, i) => Object.entries(part.apply(state, own(given, i)).outputs));
          return {
            state: {},
            outputs: Object.fromEntries(
              results.flatMap((outputs, i) => outputs.map(([name, value]) => [`${i} ${name}`, value])),
            ),
          };
        },
      };
      const { text } = lower(trace(program, {}), {}, { precision: 'fp32', devices: 1 });
      const { kernels, seconds } = await compileProgram(plugin(), targets.h200, text);
      context.diagnostic(`${rows.length} rows, ${kernels.length} kernels, compiled in ${seconds.toFixed(1)} s`);
    });
  }
});
