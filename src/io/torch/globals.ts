/** The types that a checkpoint may name. What is not here is refused by name; nothing is ever imported or called. */
import type { ElementType } from '../elements.js';
import { FormatFault } from '../formatFault.js';
import { Global, type PickleTypes, type Unpickled } from '../pickle.js';

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

/** In place of an object whose content does not matter here: options of a training script, a NumPy number. */
export class Ignored {}

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
const ignore: Make = () => new Ignored();
const mapping: Make = given => {
  if (given.length > 0) throw new FormatFault('one of its mappings is made from a list, which checkpoints do not need');
  return new Map();
};

const callable: ReadonlyMap<string, Make> = new Map([
  ['collections.OrderedDict', mapping],
  ['collections.defaultdict', () => new Map()],
  ['collections.Counter', () => new Map()],
  ['torch._utils._rebuild_tensor', tensor],
  ['torch._utils._rebuild_tensor_v2', tensor],
  ['torch._utils._rebuild_parameter', parameter],
  ['torch._utils._rebuild_parameter_with_state', parameter],
  ['torch.nn.parameter.Parameter', parameter],
  ['torch.Size', ([sizes]: readonly Unpickled[]) => sizes ?? null],
  ['torch.device', ignore],
  ['argparse.Namespace', ignore],
  ['numpy.dtype', ignore],
  ['numpy.core.multiarray.scalar', ignore],
  ['numpy._core.multiarray.scalar', ignore],
  ['_codecs.encode', ignore],
]);

/** Types that are named without being called: classes of default values, element types. */
const named: ReadonlySet<string> = new Set([
  'builtins.int',
  'builtins.float',
  'builtins.list',
  'builtins.dict',
  ...['float64', 'float32', 'float16', 'bfloat16', 'int64', 'int32', 'int16', 'int8', 'uint8', 'bool'].map(
    type => `torch.${type}`,
  ),
]);

/** Throws `FormatFault` for a type that is not allowed. */
function globalOf(module: string, name: string): Global {
  const whole = `${module}.${name}`;
  if (storageTypes.has(whole) || callable.has(whole) || named.has(whole)) return new Global(whole);
  throw new FormatFault(
    `it calls for ${JSON.stringify(whole.slice(0, 100))}, which is not among the types that weights are made of; nothing of it was run`,
  );
}

/** What the call of an allowed type gives. Throws `FormatFault`. */
function call({ name }: Global, given: readonly Unpickled[]): Unpickled {
  const make = callable.get(name);
  if (make === undefined) throw new FormatFault(`it calls ${name}, which makes nothing`);
  return make(given);
}

/** Attributes given to an object: those of state dictionaries (versions of modules) and of ignored objects do not matter. */
function build(target: Unpickled, _state: Unpickled): void {
  if (!(target instanceof Map || target instanceof Ignored || target instanceof TensorView))
    throw new FormatFault('it gives attributes to an object that has none');
}

/** What the pickles of checkpoints may name; `persistent` makes what a persistent id stands for. */
export function torchTypes(persistent: PickleTypes['persistent']): PickleTypes {
  return { strings: 'text', globalOf, call, build, persistent };
}

/** The storage that a persistent id `('storage', type, key, place, length)` stands for. Throws `FormatFault`. */
export function storageOf(id: Unpickled): Storage {
  const [kind, type, key, , length] = Array.isArray(id) ? id : [];
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
