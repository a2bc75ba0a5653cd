/**
 * Several steps in one call of an engine: how many, their tensors stacked as rows `[count, …]`, and the simple way to
 * run them, one after the other.
 */
import { EngineError } from '../errors.js';
import { type HostTensor, type HostTensors, sizeOf } from '../tensor.js';
import type { EngineInfo, StagedSteps } from './program.js';

/** Most bytes of the images of one call: the device holds two calls, host memory two more. */
const callBytes = 64 * 2 ** 20;

/** Whether the device has its own memory, to which inputs must be copied. */
export function hasDeviceMemory({ engine, device }: Pick<EngineInfo, 'engine' | 'device'>): boolean {
  return engine === 'xla' && device !== 'cpu';
}

/**
 * The number of steps in one call, of `steps` in all with `stepBytes` bytes each. `auto` is 1 on a CPU, where a call
 * takes no time compared with a step, and on engines that run one step per call. Elsewhere `auto` is all steps, or
 * equal parts of them that fit into `callBytes`.
 */
export function stepsPerCall(
  setting: number | 'auto',
  info: Pick<EngineInfo, 'engine' | 'device'>,
  steps: number,
  stepBytes: number,
): number {
  if (steps === 0) return 1; // a stage that trains nothing
  if (setting !== 'auto') return Math.min(setting, steps);
  if (!hasDeviceMemory(info)) return 1;
  const parts = Math.ceil(steps / Math.max(1, Math.floor(callBytes / stepBytes)));
  return Math.ceil(steps / parts);
}

/** The type of `count` stacked tensors of type `spec`. */
export function stacked<T extends { readonly shape: readonly number[] }>(spec: T, count: number): T {
  return { ...spec, shape: [count, ...spec.shape] };
}

/** The number of rows of stacked inputs. Throws `EngineError` where there are no inputs or their rows differ. */
export function stepCount(inputs: HostTensors): number {
  const counts = Object.values(inputs).map(({ shape }) => shape[0]);
  const [count] = counts;
  if (count !== undefined && count > 0 && counts.every(other => other === count)) return count;
  const given = Object.entries(inputs).map(([name, { shape }]) => `${name} [${shape}]`);
  throw new EngineError(`Steps take inputs with one row a step and were given ${given.join(', ') || 'none'}.`);
}

/** Stacks the tensors of one step or more. */
export function stackSteps(steps: readonly HostTensors[]): HostTensors {
  return Object.fromEntries(Object.keys(steps[0]!).map(name => [name, stack(steps.map(tensors => tensors[name]!))]));
}

/** Stages steps for an engine that runs one step per call. Copies the inputs, so the caller may reuse its arrays. */
export function stageStepByStep(
  run: (inputs: HostTensors) => Promise<HostTensors>,
  inputs: HostTensors,
  count: number,
): StagedSteps {
  const copies = Object.entries(inputs).map(
    ([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }] as const,
  );
  const row = (step: number) => Object.fromEntries(copies.map(([name, tensor]) => [name, rowOf(tensor, step)]));
  return {
    run: async () => {
      const rows: HostTensors[] = [];
      for (let step = 0; step < count; step++) rows.push(await run(row(step)));
      return stackSteps(rows);
    },
    dispose: () => {
      copies.length = 0;
    },
  };
}

function rowOf({ dtype, shape, data }: HostTensor, step: number): HostTensor {
  const size = sizeOf(shape.slice(1));
  return { dtype, shape: shape.slice(1), data: data.subarray(step * size, (step + 1) * size) };
}

function stack(rows: readonly HostTensor[]): HostTensor {
  const { dtype, shape, data } = rows[0]!;
  const all = new (data.constructor as new (length: number) => typeof data)(rows.length * data.length);
  rows.forEach((row, step) => {
    all.set(row.data, step * data.length);
  });
  return { dtype, shape: [rows.length, ...shape], data: all };
}
