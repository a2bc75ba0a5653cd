/**
 * Asks cuDNN which engines it has for a convolution on a GPU that is not in this machine. XLA asks the same before it
 * measures the engines.
 */
import { promisify } from 'node:util';
import { EngineError } from '../errors.js';
import { loadKoffi, openLibrary } from '../io/koffi.js';
import type { Convolution, Direction } from './convolutions.js';

const koffi = loadKoffi();

type Descriptor = unknown;

// Numbers in cudnn_graph.h
const kinds = {
  convolution: 1,
  engine: 2,
  engineConfig: 3,
  heuristics: 4,
  forward: 10,
  'backward filter': 11,
  'backward input': 12,
  graph: 15,
  tensor: 17,
  device: 38,
} as const;
const types = {
  dataType: 1,
  int64: 3,
  float: 4,
  mode: 7,
  heuristicMode: 8,
  numericalNote: 11,
  descriptor: 15,
  char: 24,
} as const;
/**
 * Number of the first attribute of an operation (alpha; beta, convolution and three tensors follow), and the tensors.
 */
const operations: Readonly<Record<Direction, readonly [first: number, ...tensors: (keyof Tensors)[]]>> = {
  forward: [700, 'filter', 'image', 'result'],
  'backward input': [706, 'filter', 'image', 'result'],
  'backward filter': [712, 'filter', 'image', 'result'],
};
type Tensors = Pick<Convolution, 'image' | 'filter' | 'result'>;
const dataTypes: Readonly<Record<string, number>> = { f32: 0, f16: 2, bf16: 9 };
const crossCorrelation = 1;
const tensorCore = 0;
/** CUDNN_HEUR_MODE_A, with which XLA asks. */
const heuristicModeA = 3;

interface EngineCount {
  readonly engines: number;
  readonly onTensorCores: number;
}

export interface Cudnn {
  /**
   * Counts the engines that a heuristic finds; 0 where cuDNN refuses the convolution. Rejects with `EngineError` where
   * a call of cuDNN fails.
   */
  enginesFor(convolution: Convolution): Promise<EngineCount>;
}

/** Opens the cuDNN library at `path` for the GPU that `deviceJson` describes. Throws `EngineError`. */
export function openCudnn(path: string, deviceJson: string): Cudnn {
  const library = openLibrary(path);
  const create = library.func('int cudnnBackendCreateDescriptor(int, _Out_ void**)');
  const set = library.func('int cudnnBackendSetAttribute(void*, int, int, int64, void*)');
  const get = library.func('int cudnnBackendGetAttribute(void*, int, int, int64, _Out_ int64*, void*)');
  const finalize = library.func('int cudnnBackendFinalize(void*)');
  const destroy = library.func('int cudnnBackendDestroyDescriptor(void*)');

  const succeeded = (status: number, what: string) => {
    if (status !== 0) throw new EngineError(`cuDNN could not ${what}: status ${status}.`, { where: path });
  };
  /** A new descriptor; `attributes` gives the type and the values in memory of each attribute, by its number. */
  const newDescriptor = (
    kind: keyof typeof kinds,
    attributes: Readonly<Record<number, readonly [keyof typeof types, ArrayBufferView & { length: number }]>> = {},
  ): Descriptor => {
    const created: Descriptor[] = [null];
    succeeded(create(kinds[kind], created), `create a descriptor (${kind})`);
    for (const [attribute, [type, values]] of Object.entries(attributes))
      succeeded(
        set(created[0], Number(attribute), types[type], values.length, values),
        `take ${attribute} of a ${kind}`,
      );
    return created[0];
  };
  const finalized = (...given: Parameters<typeof newDescriptor>): Descriptor => {
    const descriptor = newDescriptor(...given);
    succeeded(finalize(descriptor), `finalize a descriptor (${given[0]})`);
    return descriptor;
  };
  const device = finalized('device', { 2702: ['char', Buffer.from(deviceJson)] });

  /** A tensor whose channels are the last axis in memory, as XLA lays out images. */
  const tensor = (id: number, precision: string, dimensions: readonly number[]) => {
    const [, channels, height, width] = dimensions as [number, number, number, number];
    const strides = [channels * height * width, 1, channels * width, channels];
    return finalized('tensor', {
      900: integers(32), // alignment in bytes
      901: ['dataType', Int32Array.of(dataTypes[precision] ?? dataTypes.f32!)],
      902: integers(...dimensions),
      903: integers(...strides),
      906: integers(id),
    });
  };
  const graphOf = (convolution: Convolution): Descriptor => {
    const { direction, precision, strides, padding, dilations } = convolution;
    const [first, ...tensors] = operations[direction];
    const window = finalized('convolution', {
      100: ['dataType', Int32Array.of(dataTypes.f32!)], // type of the sums
      101: ['mode', Int32Array.of(crossCorrelation)],
      102: integers(...dilations),
      103: integers(...strides),
      104: integers(...padding.map(([, after]) => after)),
      105: integers(...padding.map(([before]) => before)),
      106: integers(2), // spatial axes
    });
    const operands = tensors.map((name, i) => [first + 3 + i, descriptor(tensor(i + 1, precision, convolution[name]))]);
    const operation = finalized(direction, {
      [first]: number(1),
      [first + 1]: number(0),
      [first + 2]: descriptor(window),
      ...Object.fromEntries(operands),
    });
    return finalized('graph', { 801: descriptor(operation) });
  };
  const isOnTensorCores = (config: Descriptor): boolean => {
    const engine = newDescriptor('engine');
    const found = [0];
    const held = BigUint64Array.of(koffi.address(engine));
    succeeded(get(config, 300, types.descriptor, 1, found, held), 'name an engine');
    const notes = new Int32Array(32);
    succeeded(
      get(engine, 1303, types.numericalNote, notes.length, found, notes),
      'report what an engine computes with',
    );
    destroy(engine);
    return notes.subarray(0, found[0]!).includes(tensorCore);
  };

  return {
    enginesFor: async convolution => {
      const heuristics = newDescriptor('heuristics', {
        200: ['heuristicMode', Int32Array.of(heuristicModeA)],
        201: descriptor(graphOf(convolution)),
        204: descriptor(device),
      });
      const status = (await promisify(finalize.async)(heuristics)) as number;
      if (status !== 0) return { engines: 0, onTensorCores: 0 };
      const count = [0];
      succeeded(get(heuristics, 202, types.descriptor, 0, count, null), 'count its engines');
      const configs = Array.from({ length: count[0]! }, () => newDescriptor('engineConfig'));
      const addresses = BigUint64Array.from(configs, config => koffi.address(config));
      succeeded(get(heuristics, 202, types.descriptor, configs.length, count, addresses), 'list its engines');
      const engines = configs.slice(0, count[0]!);
      const onTensorCores = engines.filter(isOnTensorCores).length;
      for (const config of configs) destroy(config);
      return { engines: engines.length, onTensorCores };
    },
  };
}

const integers = (...values: number[]) => ['int64', BigInt64Array.from(values, BigInt)] as const;
const number = (value: number) => ['float', Float32Array.of(value)] as const;
const descriptor = (value: Descriptor) => ['descriptor', BigUint64Array.of(koffi.address(value))] as const;

export interface ConvolutionPlan {
  readonly direction: Direction;
  readonly precision: string;
  readonly convolutions: number;
  /** Number of different shapes among the convolutions. */
  readonly shapes: number;
  /** Number of shapes for which cuDNN has no engine on tensor cores; null where cuDNN is not installed. */
  readonly shapes_without_tensor_cores: number | null;
}

/** The convolutions of a step by direction and precision. `cudnn` is undefined where cuDNN is not installed. */
export async function convolutionPlans(
  convolutions: readonly Convolution[],
  cudnn: Cudnn | undefined,
): Promise<ConvolutionPlan[]> {
  const groups = new Map<string, Convolution[]>();
  for (const convolution of convolutions) {
    const key = `${convolution.direction} ${convolution.precision}`;
    groups.set(key, [...(groups.get(key) ?? []), convolution]);
  }
  const plans: ConvolutionPlan[] = [];
  for (const group of groups.values()) {
    const shapes = [...new Map(group.map(one => [JSON.stringify(one), one])).values()];
    let without = 0;
    if (cudnn) for (const shape of shapes) if ((await cudnn.enginesFor(shape)).onTensorCores === 0) without++;
    const { direction, precision } = group[0]!;
    plans.push({
      ...{ direction, precision, convolutions: group.length, shapes: shapes.length },
      shapes_without_tensor_cores: cudnn ? without : null,
    });
  }
  return plans;
}
