/** Weights from a file into a network: names must match, PyTorch's layout is turned into the engine's. */
import type { HostTensor, HostTensors } from '../engine/program.js';
import { DataError } from '../errors.js';

const listedAtMost = 8;

/**
 * The entries of `expected` with the values of `given`, from a checkpoint of gala (HWIO filters) or a file in PyTorch's
 * layout (OIHW). PyTorch's batch counters and gala's training state are passed over. Throws `DataError` that lists the
 * missing, unexpected and mis-shaped entries; `where` names the file.
 */
export function fitWeights(expected: HostTensors, given: HostTensors, where: string): HostTensors {
  const fitted: HostTensors = {};
  const faults: string[] = [];
  for (const [name, { shape }] of Object.entries(expected)) {
    const tensor = given[name];
    const fitting = tensor && inEngineLayout(tensor, shape);
    if (fitting) fitted[name] = fitting;
    else faults.push(tensor ? `${name} is [${tensor.shape}], the network has [${shape}]` : `${name} is missing`);
  }
  for (const name of Object.keys(given)) {
    if (!(name in expected) && !/^(momentum|loss|gradient)\.|\.num_batches_tracked$/.test(name))
      faults.push(`${name} is not part of the network`);
  }
  if (faults.length === 0) return fitted;
  const more = faults.length > listedAtMost ? `\n  … and ${faults.length - listedAtMost} more` : '';
  throw new DataError(`The weights do not fit the network:\n  ${faults.slice(0, listedAtMost).join('\n  ')}${more}`, {
    where,
    next: 'Check that the config’s backbone and dataset are those the weights were trained with.',
  });
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
