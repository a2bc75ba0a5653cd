/**
 * What the executables of all engines have in common: checked names and types, one run after the other, and a single
 * end.
 */
import { EngineError } from '../errors.js';
import type { HostTensors } from '../tensor.js';
import { matching, requireEntries } from './hostTensor.js';
import type { CompileRequest, EngineInfo, Executable, Specs, StagedSteps } from './program.js';
import { stacked, stageStepByStep, stepCount } from './stackedSteps.js';

/** Work on the state, in the order in which it was asked for. */
interface SerialRuns {
  /**
   * Begins when everything before is done: a second run would read state that the first is writing. Throws
   * `EngineError` when disposed.
   */
  enqueue<T>(work: () => Promise<T>): Promise<T>;
  /** Calls `work` when everything before is done, also when that failed or the executable was disposed. */
  afterwards(work: () => void): void;
}

/**
 * What an engine does itself. Names exist and tensors are of their types; no two calls overlap but those of `stage`.
 */
export interface Runtime {
  readonly info: EngineInfo;
  run(program: string, inputs: HostTensors): Promise<HostTensors>;
  /**
   * Left out by an engine that runs one step a call. `inputs` are stacked `[count, …]`; steps are enqueued in `runs`.
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

/** Tensors of the types `specs`, in their order; others are left out. */
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
