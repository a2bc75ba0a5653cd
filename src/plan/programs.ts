/** The programs that a config runs on a GPU, each with the number of steps that a training runs in one call. */
import { setShape, syntheticDatasets } from '../bench/syntheticData.js';
import type { StageConfig } from '../config/schema.js';
import { imageBytes } from '../data/dataset.js';
import type { Precision, Program } from '../engine/program.js';
import { lower, type Module } from '../engine/stablehlo/lower.js';
import { stepsPerCall } from '../engine/steps.js';
import type { TracedProgram } from '../engine/trace/ir.js';
import { trace } from '../engine/trace/trace.js';
import { tensorBytes } from '../tensor.js';
import { type Experiment, evaluationBatch, experimentOn } from '../train/experiment.js';
import { hasFixedFeatures } from '../train/learning.js';

export interface PlannedProgram {
  readonly name: string;
  /** Images per batch, or per micro-batch with accumulation. */
  readonly batch: number;
  /** Runs of the program in one call. */
  readonly stepsPerCall: number;
  /** Bytes of the inputs of one call. */
  readonly inputBytes: number;
  /** Traces and lowers the program as the engine does. Throws `EngineError`. */
  lower(): { readonly traced: TracedProgram; readonly module: Module };
}

export interface PlannedPrograms {
  readonly programs: readonly PlannedProgram[];
  /** Bytes of the state, which stays on the device. */
  readonly stateBytes: number;
  /** Bytes of the test images if they stay on the device too (eval/evaluate.ts); else 0. */
  readonly stagedTestBytes: number;
}

const gpu = { engine: 'xla', device: 'cuda' } as const;

/** The programs of one stage, for random images of the dataset's shape. Throws `ConfigError`, `EngineError`. */
export function plannedPrograms(config: StageConfig, precision: Precision): PlannedPrograms {
  const { train, devices } = config;
  const testImages = setShape(config.data).testImages;
  const opened = syntheticDatasets(config.data);
  const evaluatedAtOnce = evaluationBatch(config, opened.train.imageShape, testImages);
  const experiment = experimentOn(opened, config, evaluatedAtOnce);
  const state = experiment.initialState();
  const onFeatures = hasFixedFeatures(config);
  const { datasets, accumulate, stepsPerEpoch } = experiment;
  const ofImage = imageBytes(datasets.train.imageShape);
  const bytesOfImage = (program: string) =>
    onFeatures && program !== 'features' ? 4 * experiment.featureSize : ofImage;
  const planned = (name: string, program: Program, batch: number, stepsPerCall: number): PlannedProgram => {
    return {
      name,
      batch,
      stepsPerCall,
      inputBytes: stepsPerCall * tensorBytes(program.inputs),
      lower: () => {
        const traced = trace(program, state, precision);
        return { traced, module: lower(traced, state, { precision, devices, count: stepsPerCall }) };
      },
    };
  };
  const evaluated = (name: string, program: Program) => {
    const batches = Math.ceil(testImages / evaluatedAtOnce);
    const calls = stepsPerCall('auto', gpu, batches, evaluatedAtOnce * bytesOfImage(name));
    return planned(name, program, evaluatedAtOnce, calls);
  };
  const trained = (program: Program) => {
    const steps = stepsPerCall(train.steps_per_call, gpu, stepsPerEpoch, train.batch_size * bytesOfImage('train'));
    return planned('train', program, train.batch_size / accumulate, steps * accumulate);
  };
  const programs = Object.entries(programsOf(experiment, onFeatures))
    .filter(([name]) => name !== 'train' || train.epochs > 0)
    .map(([name, program]) => (name === 'train' ? trained(program) : evaluated(name, program)));
  const test = programs.find(({ name }) => name === 'eval')!;
  const stays = test.stepsPerCall * test.batch >= testImages;
  return {
    programs,
    stateBytes: tensorBytes(state),
    stagedTestBytes: stays ? test.inputBytes : 0,
  };
}

const programsOf = ({ programs, programsOnFeatures }: Experiment, onFeatures: boolean) =>
  onFeatures ? programsOnFeatures : programs;
