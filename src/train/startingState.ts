/**
 * The state that a training begins with: drawn from the seed, and filled from `model.weights` where the config names a
 * file.
 */
import { resolve } from 'node:path';
import type { Config } from '../config/schema.js';
import { withHome } from '../io/homePath.js';
import { modelEntries, withFreshAverages } from '../models/modelEntries.js';
import { describeFit, fitFile, readWeightsFile } from '../models/weightsFile.js';
import type { WeightsRecord } from '../run/recordSchema.js';
import type { HostTensors } from '../tensor.js';

export interface StartingState {
  readonly state: HostTensors;
  /** Present where a file was read. */
  readonly weights?: WeightsRecord;
}

/**
 * `initial` with the model's entries from the config's weights file, if it names one. Throws `StorageError`,
 * `DataError`.
 */
export async function startingState(
  initial: HostTensors,
  { weights: given, weights_part: part }: Config['model'],
): Promise<StartingState> {
  if (given === undefined) return { state: initial };
  const path = withHome(given);
  const weightsFile = await readWeightsFile(path);
  const model = modelEntries(initial);
  const { values, kept: drawn, unused, notes } = fitFile(model, weightsFile, part);
  const { format, sha256 } = weightsFile;
  const weights = { file: resolve(path), format, sha256, part, drawn, unused, ...(notes.length > 0 && { notes }) };
  return { state: withFreshAverages({ ...initial, ...values }), weights };
}

/** One line for the terminal. */
export function describeWeights({ file, format, sha256, drawn, unused, notes = [] }: WeightsRecord): string {
  const begin = `Begins with the weights of ${file} (${format}, sha256 ${sha256.slice(0, 12)}…).`;
  return [begin, ...describeFit({ kept: drawn, unused, notes })].join(' ');
}
