/**
 * The calls of a training to the engine: blocks of batches that the data pipeline makes, each on the device before it
 * is its turn.
 */

import { inputOf } from '../data/features.js';
import { imageBytes } from '../data/imageShape.js';
import type { Position } from '../data/pipeline/blockPlan.js';
import type { Block } from '../data/pipeline/blockSequence.js';
import { openPipeline } from '../data/pipeline/pipeline.js';
import type { Executable, StagedSteps } from '../engine/program.js';
import { stackSteps, stepsPerCall } from '../engine/steps.js';
import { waitsFor } from '../io/waiting.js';
import type { HostTensors } from '../tensor.js';
import { dataWorkers } from './dataWorkers.js';
import type { Experiment } from './experiment.js';

/** `steps` training steps from `step` on (from 0) of `epoch`. */
interface Call extends Position {
  readonly steps: number;
  readonly staged: StagedSteps;
}

export interface Calls {
  /** The next call, undefined after the last; its successor is prepared meanwhile. */
  next(): Promise<Call | undefined>;
  /** Ends the pipeline and lets go of what was prepared. */
  close(): Promise<void>;
}

/**
 * The calls from a position to the end of `lastEpoch`. Resolves when the first one can run: workers started, batches
 * made, program compiled. Throws `DataError`, `ConfigError`, `EngineError`.
 */
export async function openCalls(
  experiment: Experiment,
  executable: Executable,
  from: Position,
  lastEpoch = experiment.config.train.epochs,
): Promise<Calls> {
  const { config, datasets, stepsPerEpoch } = experiment;
  const { batch_size, steps_per_call } = config.train;
  const stepBytes = batch_size * imageBytes(datasets.train.imageShape);
  const pipeline = openPipeline({
    dataset: datasets.train,
    augment: config.data.augment,
    seed: config.seed,
    batchSize: batch_size,
    order: experiment.order,
    stepsPerBlock: stepsPerCall(steps_per_call, executable.info, stepsPerEpoch, stepBytes),
    workers: dataWorkers(config.data.workers, executable.info),
  });
  const blocks = pipeline.blocks(from, lastEpoch);
  const stageNext = async (): Promise<Call | undefined> => {
    const { value: block, done } = await blocks.next();
    if (done) return undefined;
    const { epoch, step, steps } = block;
    return { epoch, step, steps, staged: await executable.stage('train', inputsOf(experiment, block)) };
  };
  waitsFor('the first batch from the data workers');
  let ahead = stageNext();
  const close = async () => {
    await pipeline.close();
    (await ahead.catch(() => undefined))?.staged.dispose();
  };
  try {
    await ahead;
  } catch (error) {
    await close();
    throw error;
  }
  return {
    next: async () => {
      const call = await ahead;
      if (call) {
        ahead = stageNext();
        ahead.catch(() => undefined); // whoever takes the call sees the error
      }
      return call;
    },
    close,
  };
}

/** The inputs of the program `train` for the batches of a block, stacked. */
function inputsOf({ config, datasets, accumulate, stepInputs }: Experiment, block: Block): HostTensors {
  const { epoch, step, steps } = block;
  const [runs, rows] = [steps * accumulate, config.train.batch_size / accumulate];
  return {
    ...inputOf(datasets.train, [runs, rows], block.images),
    labels: { dtype: 'int32', shape: [runs, rows], data: block.labels },
    ...stackSteps(Array.from({ length: steps }, (_, i) => stepInputs(epoch, step + i)).flat()),
  };
}
