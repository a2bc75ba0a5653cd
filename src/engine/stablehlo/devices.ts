/**
 * One program on several devices (SPMD): every device has the whole state and runs the same module on its part of the
 * batch. The program describes the computation on the whole batch. XLA's partitioner, Shardy, finds the sums that cross
 * devices (gradients, batch statistics, sums of a loss) and inserts all-reduces for them.
 */
import type { ValueType } from '../trace/ir.js';
import type { Hlo, HloBuilder } from './builder.js';
import { typeText } from './text.js';

/**
 * The batch axis of an input, along which the devices split it: the first axis, or the second one of stacked steps.
 * Undefined where the devices do not divide its size.
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

/** Attributes of a parameter or result that is split along `axis`; without `axis` it is whole on every device. */
export function sharding({ shape }: Pick<ValueType, 'shape'>, axis: number | undefined, devices: number): string[] {
  return devices === 1 ? [] : [`sdy.sharding = #sdy.sharding<${shardingText(shape, axis)}>`];
}

/** The value with its whole first axis on every device; other axes may stay split. */
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

/** Declaration of the devices, before the functions of a module. */
export function meshText(devices: number): string[] {
  return devices === 1 ? [] : [`sdy.mesh @${mesh} = <["${batchAxis}"=${devices}]>`];
}
