/**
 * Several devices for one program, as SPMD: every device runs the same module on its part of the batch and has the whole state.
 * A program says what is computed for the whole batch; which sums cross devices (gradients, batch statistics, the sums of a loss)
 * follows from where the batch is split, so XLA's partitioner adds those all-reduces and the program knows nothing of devices.
 */
import type { ValueType } from '../trace/ir.js';

/** The axis along which an input is split: the batch, its first axis (in steps the second), if it can be split evenly. */
export function batchAxisOf(
  { shape }: Pick<ValueType, 'shape'>,
  inSteps: boolean,
  devices: number,
): number | undefined {
  const axis = inSteps ? 1 : 0;
  const size = shape[axis];
  return devices > 1 && size !== undefined && size % devices === 0 ? axis : undefined;
}

/** Attributes of a parameter or result that is split along an axis, or whole on every device. */
export function sharding({ shape }: Pick<ValueType, 'shape'>, axis: number | undefined, devices: number): string[] {
  if (devices === 1) return [];
  if (axis === undefined) return ['mhlo.sharding = "{replicated}"'];
  const tiles = shape.map((_, i) => (i === axis ? devices : 1)).join(',');
  return [`mhlo.sharding = "{devices=[${tiles}]<=[${devices}]}"`];
}

export function moduleAttributes(devices: number): string {
  if (devices === 1) return '';
  return ` attributes {mhlo.num_partitions = ${devices} : i32, mhlo.num_replicas = 1 : i32}`;
}
