/** The state that a training begins with: drawn from the seed, and filled from `model.weights` where the config names a file. */
import { resolve } from 'node:path';
import type { Config } from '../config/schema.js';
import type { HostTensors } from '../engine/program.js';
import { withHome } from '../io/homePath.js';
import { fitPart } from '../models/weights.js';
import { readWeightsFile } from '../models/weightsFile.js';
import type { WeightsRecord } from '../run/record.js';
import { isModelEntry } from './state.js';
import { withFreshAverages } from './weightAverage.js';

export interface StartingState {
  readonly state: HostTensors;
  /** Present where a file was read. */
  readonly weights?: WeightsRecord;
}

/** `initial` with the model's entries from the config's weights file, if it names one. Throws `StorageError`, `DataError`. */
export async function startingState(
  initial: HostTensors,
  { weights: given, weights_part: part }: Config['model'],
): Promise<StartingState> {
  if (given === undefined) return { state: initial };
  const path = withHome(given);
  const { tensors, format, sha256 } = await readWeightsFile(path);
  const model = Object.fromEntries(Object.entries(initial).filter(([name]) => isModelEntry(name)));
  const { values, kept: drawn, unused } = fitPart(model, tensors, path, part);
  return {
    state: withFreshAverages({ ...initial, ...values }),
    weights: { file: resolve(path), format, sha256, part, drawn, unused },
  };
}

/** One line for the terminal. */
export function describeWeights({ file, format, sha256, drawn, unused }: WeightsRecord): string {
  const listed = (what: string, names: readonly string[]) => {
    if (names.length === 0) return '';
    const more = names.length > listedAtMost ? ` and ${names.length - listedAtMost} more` : '';
    return ` ${what}: ${names.slice(0, listedAtMost).join(', ')}${more}.`;
  };
  return `Begins with the weights of ${file} (${format}, sha256 ${sha256.slice(0, 12)}…).${listed('Drawn from the seed', drawn)}${listed('In the file and not used', unused)}`;
}

const listedAtMost = 6;
