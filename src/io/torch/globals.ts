/**
 * What the pickles of checkpoints name: the types that weights are made of are made here, objects of other classes are
 * passed over, and a call of any other function is refused by its name. Nothing is ever imported or called.
 */
import type { ElementType } from '../elements.js';
import { FormatFault } from '../formatFault.js';
import { Global, largestCount, type PickleTypes, type Unpickled, UnreadObject } from '../pickle.js';

/** What a persistent id stands for: the elements that tensors are views of. */
export class Storage {
  constructor(
    readonly key: string,
    readonly type: ElementType,
    /** Number of elements. */
    readonly length: number,
  ) {}
}

/** A view of a storage, unchecked: sizes and strides are what the file says. */
export class TensorView {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

const storageTypes: ReadonlyMap<string, ElementType> = new Map([
  ['torch.DoubleStorage', 'F64'],
  ['torch.FloatStorage', 'F32'],
  ['torch.HalfStorage', 'F16'],
  ['torch.BFloat16Storage', 'BF16'],
  ['torch.LongStorage', 'I64'],
  ['torch.IntStorage', 'I32'],
  ['torch.ShortStorage', 'I16'],
  ['torch.CharStorage', 'I8'],
  ['torch.ByteStorage', 'U8'],
  ['torch.BoolStorage', 'BOOL'],
]);

type Make = (given: readonly Unpickled[]) => Unpickled;
const tensor: Make = ([storage, offset, shape, strides]) => {
  if (!(storage instanceof Storage) || !isCount(offset) || !areCounts(shape) || !areCounts(strides))
    throw new FormatFault('one of its tensors has no storage, or sizes that are no whole numbers');
  if (shape.length !== strides.length) throw new FormatFault('one of its tensors has not a stride for every size');
  return new TensorView(storage, offset, [...shape], [...strides]); // copies: the file may change its lists later
};
const parameter: Make = ([data]) => data ?? null;
/** A tensor of a subclass, or one with attributes: made by `[function, class, arguments, attributes]`. */
const typedTensor: Make = ([made, , given]) => {
  if (!(made instanceof Global) || !Array.isArray(given))
    throw new FormatFault('one of its tensors is made by no function');
  return call(made, given);
};

const makers: ReadonlyMap<string, Make> = new Map([
  ['collections.defaultdict', () => new Map()],
  ['collections.Counter', () => new Map()],
  ['torch._utils._rebuild_tensor', tensor],
  ['torch._utils._rebuild_tensor_v2', tensor],
  ['torch._utils._rebuild_parameter', parameter],
  ['torch._utils._rebuild_parameter_with_state', parameter],
  ['torch._tensor._rebuild_from_type_v2', typedTensor],
  ['torch.nn.parameter.Parameter', parameter],
  ['torch.Size', ([sizes]: readonly Unpickled[]) => sizes ?? null],
]);

/** What training scripts keep beside the weights; their results are passed over. */
const passedOver: ReadonlySet<string> = new Set([
  ...['set', 'frozenset', 'slice', 'complex', 'bytearray', 'range', 'getattr'].map(name => `builtins.${name}`),
  ...['datetime', 'date', 'time', 'timedelta', 'timezone'].map(name => `datetime.${name}`),
  ...['pathlib', 'pathlib._local'].flatMap(module =>
    ['PosixPath', 'WindowsPath', 'PurePosixPath', 'PureWindowsPath'].map(name => `${module}.${name}`),
  ),
  'collections.deque',
  'copyreg._reconstructor',
  'argparse.Namespace',
  'torch.device',
  'numpy.dtype',
  '_codecs.encode',
]);

const numpyModules = ['numpy.core', 'numpy._core'];
const numpyScalars = new Set(numpyModules.map(module => `${module}.multiarray.scalar`));
const numpyArrays = new Set(
  numpyModules.flatMap(module => [`${module}.multiarray._reconstruct`, `${module}.numeric._frombuffer`]),
);
/** The type of an `UnreadObject` that was an array. */
export const numpyArray = 'numpy.ndarray';

/** Python 2 has other names for what Python 3 has. */
const python2Modules: ReadonlyMap<string, string> = new Map([
  ['__builtin__', 'builtins'],
  ['copy_reg', 'copyreg'],
]);

function globalOf(module: string, name: string): Global {
  return new Global(`${python2Modules.get(module) ?? module}.${name}`);
}

/** What the call of a known function gives. Throws `FormatFault` for any other. */
function call({ name }: Global, given: readonly Unpickled[]): Unpickled {
  const maker = makers.get(name);
  if (maker !== undefined) return maker(given);
  if (numpyArrays.has(name)) return new UnreadObject(numpyArray);
  if (numpyScalars.has(name)) return null;
  if (passedOver.has(name)) return new UnreadObject(name);
  if (storageTypes.has(name)) throw new FormatFault(`it calls ${name}, which makes nothing`);
  throw new FormatFault(
    `it calls for ${JSON.stringify(name.slice(0, 100))}, which makes no weights; nothing of it was run`,
  );
}

/** Attributes of state dictionaries are versions of modules; those of other objects do not matter either. */
function build(target: Unpickled, _state: Unpickled): void {
  if (!(target instanceof Map || target instanceof UnreadObject || target instanceof TensorView))
    throw new FormatFault('it gives attributes to an object that has none');
}

/** The types of one pickle; `persistent` makes what a persistent id stands for. */
export function torchTypes(persistent: PickleTypes['persistent']): PickleTypes {
  let pairs = 0;
  /** `OrderedDict()`, or as Python 2 writes it: `OrderedDict([[key, value], …])`. */
  const orderedDictionary = ([items = []]: readonly Unpickled[]): Unpickled => {
    if (!Array.isArray(items) || !items.every(pair => Array.isArray(pair) && pair.length === 2))
      throw new FormatFault('one of its mappings is made from a list of what are no pairs');
    pairs += items.length; // a list may be kept and used again, without an operation for each of its pairs
    if (pairs > largestCount) throw new FormatFault(`its mappings are made from more than ${largestCount} pairs`);
    return new Map(items as [Unpickled, Unpickled][]);
  };
  const isMapping = ({ name }: Global) => name === 'collections.OrderedDict';
  return {
    strings: 'text',
    globalOf,
    call: (called, given) => (isMapping(called) ? orderedDictionary(given) : call(called, given)),
    instance: (type, given) =>
      isMapping(type) || makers.has(type.name) ? call(type, given) : new UnreadObject(type.name),
    build,
    persistent,
  };
}

/**
 * What a persistent id stands for: a storage, `('storage', type, key, place, length)`, or the class of a network that
 * was saved whole, `('module', class, file, source)`. Throws `FormatFault`.
 */
export function persistentOf(id: Unpickled): Storage | Global {
  const [kind, type, key, , length] = Array.isArray(id) ? id : [];
  if (kind === 'module' && type instanceof Global) return type;
  const elements = type instanceof Global ? storageTypes.get(type.name) : undefined;
  if (kind !== 'storage' || elements === undefined || typeof key !== 'string' || !isCount(length))
    throw new FormatFault('one of its storages is of an unknown kind');
  return new Storage(key, elements, length);
}

function isCount(value: Unpickled | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

const largestRank = 32;

function areCounts(value: Unpickled | undefined): value is number[] {
  return Array.isArray(value) && value.length <= largestRank && value.every(isCount);
}
