/** Steps as rows of stacked tensors `[count, …]`, and the plain way to run them: one after the other. */
import { EngineError } from '../errors.js';
import type { HostTensor, HostTensors } from '../tensor.js';
import { sizeOf } from '../tensor.js';
import type { StagedSteps } from './program.js';

/** The type of `count` rows of `spec`. */
export function stacked<T extends { readonly shape: readonly number[] }>(spec: T, count: number): T {
  return { ...spec, shape: [count, ...spec.shape] };
}

/** How many steps stacked inputs are for. Throws `EngineError` when they do not say or do not agree. */
export function stepCount(inputs: HostTensors): number {
  const counts = Object.values(inputs).map(({ shape }) => shape[0]);
  const [count] = counts;
  if (count !== undefined && count > 0 && counts.every(other => other === count)) return count;
  const given = Object.entries(inputs).map(([name, { shape }]) => `${name} [${shape}]`);
  throw new EngineError(`Steps take inputs with one row a step and were given ${given.join(', ') || 'none'}.`);
}

/** Tensors of single steps, at least one, as rows. */
export function stackSteps(steps: readonly HostTensors[]): HostTensors {
  return Object.fromEntries(Object.keys(steps[0]!).map(name => [name, stack(steps.map(tensors => tensors[name]!))]));
}

/** Steps of an engine that does one a call; the inputs are copied, so that the caller may reuse its arrays. */
export function stageStepByStep(
  run: (inputs: HostTensors) => Promise<HostTensors>,
  inputs: HostTensors,
  count = stepCount(inputs),
): StagedSteps {
  const copies = Object.entries(inputs).map(
    ([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }] as const,
  );
  const row = (step: number) => Object.fromEntries(copies.map(([name, tensor]) => [name, rowOf(tensor, step)]));
  return {
    count,
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
