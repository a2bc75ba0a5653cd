/**
 * The types and functions that pickles of checkpoints name. Gala makes the types of weights, ignores objects of other
 * classes, and refuses calls of other functions. It never imports or calls Python code.
 */
import type { ElementType } from '../elements.js';
import { FormatFault } from '../faults.js';
import { largestCount } from '../pickle.js';
import { Global, type PickleTypes, type Unpickled, UnreadObject } from '../pickleStack.js';

/** The elements of one or several tensors. */
export class Storage {
  constructor(
    readonly key: string,
    readonly type: ElementType,
    /** Number of elements. */
    readonly length: number,
  ) {}
}

/** A view of a storage. Sizes and strides come from the file and are not checked yet. */
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
/** A tensor of a subclass or with attributes: `[function, class, arguments, attributes]`. */
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

/** Functions of values that training scripts store beside the weights. Gala ignores their results. */
const ignored: ReadonlySet<string> = new Set([
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
/** The type of an `UnreadObject` that stands for an array. */
export const numpyArray = 'numpy.ndarray';

/** Names of Python 2 and their names in Python 3. */
const python2Modules: ReadonlyMap<string, string> = new Map([
  ['__builtin__', 'builtins'],
  ['copy_reg', 'copyreg'],
]);

function globalOf(module: string, name: string): Global {
  return new Global(`${python2Modules.get(module) ?? module}.${name}`);
}

/** The result of a known function. Throws `FormatFault` for any other. */
function call({ name }: Global, given: readonly Unpickled[]): Unpickled {
  const maker = makers.get(name);
  if (maker !== undefined) return maker(given);
  if (numpyArrays.has(name)) return new UnreadObject(numpyArray);
  if (numpyScalars.has(name)) return null;
  if (ignored.has(name)) return new UnreadObject(name);
  if (storageTypes.has(name)) throw new FormatFault(`it calls ${name}, which makes nothing`);
  throw new FormatFault(
    `it calls for ${JSON.stringify(name.slice(0, 100))}, which makes no weights; nothing of it was run`,
  );
}

/** Ignores attributes: gala needs neither the module versions of state dictionaries nor those of other objects. */
function build(target: Unpickled, _state: Unpickled): void {
  if (!(target instanceof Map || target instanceof UnreadObject || target instanceof TensorView))
    throw new FormatFault('it gives attributes to an object that has none');
}

/** The types of one pickle; `persistent` makes the object of a persistent id. */
export function torchTypes(persistent: PickleTypes['persistent']): PickleTypes {
  let pairs = 0;
  /** `OrderedDict()`, or as Python 2 writes it: `OrderedDict([[key, value], …])`. */
  const orderedDictionary = ([items = []]: readonly Unpickled[]): Unpickled => {
    if (!Array.isArray(items) || !items.every(pair => Array.isArray(pair) && pair.length === 2))
      throw new FormatFault('one of its mappings is made from a list of what are no pairs');
    pairs += items.length; // a pickle can recall one list often, without an operation for each of its pairs
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
 * The object of a persistent id: a storage, `('storage', type, key, place, length)`, or the class of a network that was
 * saved whole, `('module', class, file, source)`. Throws `FormatFault`.
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
