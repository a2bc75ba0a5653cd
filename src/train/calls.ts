/** The calls of the engine during training: each runs a block of batches, which is staged on the device in advance. */
import type { Config } from '../config/schema.js';
import { imageBytes } from '../data/dataset.js';
import { inputOf } from '../data/features.js';
import type { Position } from '../data/pipeline/blockPlan.js';
import type { Block } from '../data/pipeline/blockSequence.js';
import { openPipeline } from '../data/pipeline/pipeline.js';
import type { EngineInfo, Executable, StagedSteps } from '../engine/program.js';
import { hasDeviceMemory, stackSteps, stepsPerCall } from '../engine/steps.js';
import { waitsFor } from '../io/waiting.js';
import { usableCores } from '../machine/cpu.js';
import type { HostTensors } from '../tensor.js';
import type { Experiment } from './experiment.js';

/** `steps` training steps of `epoch`, beginning with `step` (counted from 0). */
interface Call extends Position {
  readonly steps: number;
  readonly staged: StagedSteps;
}

export interface Calls {
  /** The next call; undefined after the last. Meanwhile the call after it is prepared. */
  next(): Promise<Call | undefined>;
  /** Stops the pipeline and disposes of the prepared call. */
  close(): Promise<void>;
}

/**
 * The calls from a position to the end of `lastEpoch`. Resolves when the first call can run: the workers have started,
 * its batches are made and its program is compiled. Throws `DataError`, `ConfigError`, `EngineError`.
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
        ahead.catch(() => undefined); // `next` throws the error when this call is due
      }
      return call;
    },
    close,
  };
}

const mostGpuWorkers = 16;

/**
 * Threads that prepare batches. `auto`: 1 on a CPU, where the engine needs the cores; on a GPU one per core but the
 * main thread's, at most 16.
 */
export function dataWorkers(
  setting: Config['data']['workers'],
  info: Pick<EngineInfo, 'engine' | 'device'>,
  cores = usableCores(),
): number {
  if (setting !== 'auto') return setting;
  return hasDeviceMemory(info) ? Math.max(1, Math.min(cores - 1, mostGpuWorkers)) : 1;
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
