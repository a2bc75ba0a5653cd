/** Puts weights into a network: the names must match; filters may have PyTorch's layout. */

import { DataError } from '../errors.js';
import type { HostTensor, HostTensors } from '../tensor.js';
import { backbonePrefix, evaluatedModel } from './modelEntries.js';

/**
 * The part of a network that a file must fill: all, the backbone, or only the entries with the same name and shape.
 * `network` is all for an evaluation, which has no key for a part.
 */
export type WeightsPart = 'all' | 'backbone' | 'matching' | 'network';

export interface FittedWeights {
  /** Every entry of the network, from the file or unchanged. */
  readonly values: HostTensors;
  /** Entries that the file did not fill. */
  readonly kept: readonly string[];
  /** Entries of the file that the network did not take. */
  readonly unused: readonly string[];
}

const listedAtMost = 20;

/**
 * The entries of `expected` with the values of the model that evaluates `state`, a checkpoint of gala. Throws
 * `DataError` as `fitPart`.
 */
export function fitState(expected: HostTensors, state: HostTensors, where: string): HostTensors {
  return fitPart(expected, evaluatedModel(state), where, 'network').values;
}

/**
 * The entries of `expected` with the values of `given`, whose filters are HWIO (gala) or OIHW (PyTorch). `where`
 * names the file. Throws `DataError` that lists the missing, mis-shaped and unexpected entries. `all` and `network`:
 * every entry must be filled, and `given` may have no others but PyTorch's batch counters. `backbone`: the same for
 * the entries of the backbone; the classifier keeps its values. `matching`: at least one entry must fit.
 */
export function fitPart(expected: HostTensors, given: HostTensors, where: string, part: WeightsPart): FittedWeights {
  const values: HostTensors = {};
  const faults: Record<'missing' | 'misshaped' | 'unexpected', string[]> = {
    missing: [],
    misshaped: [],
    unexpected: [],
  };
  const kept: string[] = [];
  const unused: string[] = [];
  const isAsked = (name: string) => part !== 'backbone' || name.startsWith(backbonePrefix);
  for (const [name, value] of Object.entries(expected)) {
    const tensor = isAsked(name) ? given[name] : undefined;
    const fitting = tensor && inEngineLayout(tensor, value.shape);
    values[name] = fitting ?? value;
    if (fitting) continue;
    kept.push(name);
    if (!isAsked(name)) continue;
    if (tensor) faults.misshaped.push(`${name} is ${kindOf(tensor)}, the network has ${kindOf(value)}`);
    else faults.missing.push(`${name} is missing`);
  }
  for (const name of Object.keys(given)) {
    if (/\.num_batches_tracked$/.test(name) || (name in expected && isAsked(name))) continue;
    unused.push(name);
    if (isAsked(name)) faults.unexpected.push(`${name} is not part of the network`);
  }
  const isRefused =
    part === 'matching'
      ? kept.length === Object.keys(expected).length
      : Object.values(faults).some(list => list.length > 0);
  if (isRefused) throw misfit(faults, where, part);
  return { values, kept, unused };
}

function misfit(faults: Readonly<Record<string, string[]>>, where: string, part: WeightsPart): DataError {
  const { missing, misshaped, unexpected } = faults;
  const listed = [missing!, misshaped!, unexpected!].flatMap(list => {
    const more = list.length - listedAtMost;
    return [...list.slice(0, listedAtMost), ...(more > 0 ? [`… and ${more} more of these`] : [])];
  });
  const counts = `${missing!.length} missing, ${misshaped!.length} of another shape, ${unexpected!.length} unexpected`;
  return new DataError(`The weights do not fit the network (${counts}):\n  ${listed.join('\n  ')}`, {
    where,
    next: remedyOf(faults, part),
  });
}

/** A part is advised only if the file has it. */
function remedyOf(faults: Readonly<Record<string, string[]>>, part: WeightsPart): string {
  if (part === 'network') return 'Give the model.backbone and model.head with which the weights were trained.';
  const isOtherBackbone = Object.values(faults).some(list => list.some(fault => fault.startsWith('backbone.')));
  if (part === 'all' && !isOtherBackbone)
    return 'Set model.weights_part: backbone, which takes the backbone of the file and starts with a new classifier.';
  const backbone = 'Set model.backbone to the backbone that the file was trained with';
  return part === 'matching' ? `${backbone}.` : `${backbone}, or model.weights_part: matching, which takes what fits.`;
}

function kindOf({ dtype, shape }: HostTensor): string {
  return `${dtype === 'float32' ? '' : `${dtype} `}[${shape}]`;
}

function inEngineLayout(tensor: HostTensor, shape: readonly number[]): HostTensor | undefined {
  if (tensor.dtype !== 'float32') return undefined;
  if (tensor.shape.join() === shape.join()) return tensor;
  if (shape.length !== 4 || tensor.shape.length !== 4) return undefined;
  const [height, width, inputs, outputs] = shape as [number, number, number, number];
  if (tensor.shape.join() !== [outputs, inputs, height, width].join()) return undefined;
  const data = new Float32Array(tensor.data.length);
  let from = 0;
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let hw = 0; hw < height * width; hw++) data[(hw * inputs + i) * outputs + o] = tensor.data[from++]!;
  return { dtype: 'float32', shape, data };
}

/** A filter HWIO as OIHW; any other tensor unchanged. */
export function inTorchLayout(tensor: HostTensor): HostTensor {
  if (tensor.shape.length !== 4) return tensor;
  const [height, width, inputs, outputs] = tensor.shape as [number, number, number, number];
  const data = new Float32Array(tensor.data.length);
  let to = 0;
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let hw = 0; hw < height * width; hw++) data[to++] = tensor.data[(hw * inputs + i) * outputs + o]!;
  return { dtype: 'float32', shape: [outputs, inputs, height, width], data };
}
