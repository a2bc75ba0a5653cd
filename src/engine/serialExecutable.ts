/** The common part of all engines' executables: it checks names and types, runs calls one by one, and disposes once. */
import { EngineError } from '../errors.js';
import type { HostTensors } from '../tensor.js';
import { matching } from './hostTensor.js';
import type { CompileRequest, EngineInfo, Executable, Specs, StagedSteps } from './program.js';
import { stacked, stageStepByStep, stepCount } from './steps.js';

/** Runs work on the state, in the order of the calls. */
interface SerialRuns {
  /**
   * Starts `work` when all earlier work is done: a run must not read the state while another run writes it. Throws
   * `EngineError` after disposal.
   */
  enqueue<T>(work: () => Promise<T>): Promise<T>;
  /** Calls `work` when all earlier work has ended, even if it failed or the executable was disposed. */
  afterwards(work: () => void): void;
}

/** An engine's own part. Names and types are checked already. Calls do not overlap, except those of `stage`. */
export interface Runtime {
  readonly info: EngineInfo;
  run(program: string, inputs: HostTensors): Promise<HostTensors>;
  /**
   * `inputs` are stacked `[count, …]`; runs are enqueued in `runs`. Absent in an engine that runs one step per call.
   */
  stage?(program: string, inputs: HostTensors, count: number, runs: SerialRuns): Promise<StagedSteps>;
  readState(names: readonly string[]): Promise<HostTensors>;
  writeState(values: HostTensors): Promise<void>;
  /** Called once, after the last run. */
  dispose(): void;
}

export function serialExecutable({ state, programs }: CompileRequest, runtime: Runtime): Executable {
  const life = { isOver: false };
  const requireAlive = () => {
    if (life.isOver) throw new EngineError('The executable was disposed and is used again.');
  };
  const runs = serialRuns(requireAlive);
  const inputsOf = (program: string): Specs => {
    if (Object.hasOwn(programs, program)) return programs[program]!.inputs;
    throw new EngineError(`There is no program '${program}'; there are: ${Object.keys(programs).join(', ')}.`);
  };
  const run = async (program: string, inputs: HostTensors) => {
    const given = checked('input', inputs, inputsOf(program));
    return runs.enqueue(() => runtime.run(program, given));
  };
  return {
    info: runtime.info,
    run,
    stage: async (program, inputs) => {
      requireAlive();
      const specs = inputsOf(program);
      const count = stepCount(inputs);
      const stackedSpecs = Object.fromEntries(
        Object.entries(specs).map(([name, spec]) => [name, stacked(spec, count)]),
      );
      const given = checked('stacked input', inputs, stackedSpecs);
      if (runtime.stage) return runtime.stage(program, given, count, runs);
      return stageStepByStep(row => run(program, row), given, count);
    },
    readState: async (names = Object.keys(state)) => {
      requireEntries(names, state);
      return runs.enqueue(() => runtime.readState(names));
    },
    writeState: async values => {
      requireEntries(Object.keys(values), state);
      const specs = Object.fromEntries(Object.keys(values).map(name => [name, state[name]!]));
      const given = checked('state entry', values, specs);
      await runs.enqueue(() => runtime.writeState(given));
    },
    dispose: () => {
      if (life.isOver) return;
      life.isOver = true;
      runs.afterwards(() => runtime.dispose());
    },
  };
}

function requireEntries(names: readonly string[], state: HostTensors): void {
  const unknown = names.find(name => !(name in state));
  if (unknown !== undefined) throw new EngineError(`There is no state entry '${unknown}'.`);
}

/** The tensors that `specs` names, in its order. Throws `EngineError` for a missing tensor or another type. */
function checked(what: string, values: HostTensors, specs: Specs): HostTensors {
  return Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => [name, matching(`${what} '${name}'`, values[name], spec)]),
  );
}

function serialRuns(requireAlive: () => void): SerialRuns {
  const queue: { last: Promise<unknown> } = { last: Promise.resolve() };
  return {
    enqueue: work => {
      requireAlive();
      const result = queue.last.then(work);
      queue.last = result.catch(() => undefined);
      return result;
    },
    afterwards: work => void queue.last.then(work),
  };
}
