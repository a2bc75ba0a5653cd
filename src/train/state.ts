/** The state of a training, which a checkpoint stores. `models/modelEntries.ts` has the names of its entries. */
import type { Executable } from '../engine/program.js';
import { StorageError } from '../errors.js';
import {
  accumulatedPrefix,
  backbonePrefix,
  emaPrefix,
  gradientPrefix,
  headPrefix,
  lossPrefix,
  momentumPrefix,
  withoutPrefix,
  withPrefix,
} from '../models/modelEntries.js';
import type { HostTensors } from '../tensor.js';
import { initialAccumulation } from './accumulation.js';
import { teacherEntries } from './distillation.js';
import { gradientSums, initialGradientRecord } from './gradientRecord.js';
import { type Learning, trainedParameters } from './learning.js';
import type { Network } from './network.js';

/**
 * The state at step 0: everything that a step of `batchSize` images reads and changes. The order of the entries
 * decides the order of the operations in the compiled graph, and so how sums are rounded: every compilation of a
 * training takes this order.
 */
export function initialState(
  network: Pick<Network, 'backbone' | 'head'>,
  learning: Learning,
  classCounts: Int32Array,
  seed: number,
  batchSize = 0,
): HostTensors {
  const { parameters, statistics } = network.backbone.init(seed);
  const all = { ...withPrefix(backbonePrefix, parameters), ...withPrefix(headPrefix, network.head.init(seed)) };
  const { accumulate = 1, mixup = false, emaDecay = 0, freeze, distillation } = learning;
  const trained = trainedParameters(all, freeze);
  const batchStatistics = withPrefix(backbonePrefix, statistics);
  return {
    ...all,
    ...batchStatistics,
    ...withPrefix(momentumPrefix, learning.optimizer.init(trained)),
    ...withPrefix(lossPrefix, learning.loss.init(classCounts)),
    ...withPrefix(gradientPrefix, initialGradientRecord(classCounts.length)),
    ...(emaDecay > 0 && withPrefix(emaPrefix, { ...trained, ...(!freeze?.batch_stats && batchStatistics) })),
    ...(accumulate > 1 &&
      withPrefix(
        accumulatedPrefix,
        initialAccumulation(trained, {
          rows: batchSize - batchSize / accumulate,
          classes: classCounts.length,
          mixup,
          taught: distillation !== undefined,
        }),
      )),
    ...(distillation &&
      teacherEntries(Array.from({ length: distillation.teachers }, () => ({ ...all, ...batchStatistics })))),
  };
}

/**
 * The state of a checkpoint in the order of `initial`. A checkpoint sorts its entries by name; compiled in that order,
 * a resumed run would round differently from an uninterrupted one. Throws `StorageError` when the entries differ.
 */
export function inOrderOf(initial: HostTensors, state: HostTensors): HostTensors {
  const missing = Object.keys(initial).find(name => !(name in state));
  const unknown = Object.keys(state).find(name => !Object.hasOwn(initial, name));
  if (missing === undefined && unknown === undefined)
    return Object.fromEntries(Object.keys(initial).map(name => [name, state[name]!]));
  throw new StorageError('The checkpoint is not one of this experiment.', {
    where: missing === undefined ? `it has ${unknown}, the network has not` : `it lacks ${missing}`,
    next: 'It was changed, or written by another version of gala; start a new run without --resume.',
  });
}

/** The sums of the gradient record, by name; the rest of the state stays on the device. */
export async function readGradientRecord(executable: Executable): Promise<HostTensors> {
  return withoutPrefix(gradientPrefix, await executable.readState(gradientSums.map(name => gradientPrefix + name)));
}
