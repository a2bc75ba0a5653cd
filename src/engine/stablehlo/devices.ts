/**
 * Several devices for one program, as SPMD: every device runs the same module on its part of the batch and has the
 * whole state. A program says what is computed for the whole batch; which sums cross devices (gradients, batch
 * statistics, the sums of a loss) follows from where the batch is split, so XLA's partitioner, Shardy, adds those
 * all-reduces and the program knows nothing of devices.
 */
import type { ValueType } from '../trace/ir.js';
import type { Hlo, HloBuilder } from './builder.js';
import { typeText } from './text.js';

/**
 * The axis along which an input is split: the batch, its first axis (in steps the second), if it can be split evenly.
 */
export function batchAxisOf(
  { shape }: Pick<ValueType, 'shape'>,
  inSteps: boolean,
  devices: number,
): number | undefined {
  const axis = inSteps ? 1 : 0;
  const size = shape[axis];
  return devices > 1 && size !== undefined && size % devices === 0 ? axis : undefined;
}

const [mesh, batchAxis] = ['devices', 'batch'];

/** Attributes of a parameter or result that is split along an axis, or whole on every device. */
export function sharding({ shape }: Pick<ValueType, 'shape'>, axis: number | undefined, devices: number): string[] {
  return devices === 1 ? [] : [`sdy.sharding = #sdy.sharding<${shardingText(shape, axis)}>`];
}

/** The value with all of its first axis on every device; a device keeps its own part of another axis that is split. */
export function gathered(builder: HloBuilder, x: Hlo): Hlo {
  const axes = x.type.shape.map((_, axis) => (axis === 0 ? '{}' : '{?}')).join(', ');
  return builder.emit(x.type, `sdy.sharding_constraint ${x.name} <@${mesh}, [${axes}]> : ${typeText(x.type)}`);
}

function shardingText(shape: readonly number[], axis: number | undefined): string {
  return `@${mesh}, [${shape.map((_, i) => (i === axis ? `{"${batchAxis}"}` : '{}')).join(', ')}]`;
}

export function moduleAttributes(devices: number): string {
  if (devices === 1) return '';
  return ` attributes {mhlo.num_partitions = ${devices} : i32, mhlo.num_replicas = 1 : i32}`;
}

/** What a module declares before its functions. */
export function meshText(devices: number): string[] {
  return devices === 1 ? [] : [`sdy.mesh @${mesh} = <["${batchAxis}"=${devices}]>`];
}
