/**
 * Reads files of `torch.save`: zip archives (since PyTorch 1.6) and the older sequence of pickles. Reading runs no code
 * of the file (see `pickle.ts`).
 */
import { type HostTensor, sizeOf } from '../../tensor.js';
import { bytesPerElement, decodeElements, dtypeOf, largestWidening } from '../elements.js';
import { FormatFault, readFormat } from '../faults.js';
import { unpickle } from '../pickle.js';
import { Global, type Unpickled, UnreadObject } from '../pickleStack.js';
import { type OpenedFile, withOpenedFile } from '../regularFile.js';
import { memberStart, readZipMembers, type ZipMember } from '../zip.js';
import { persistentOf, Storage, TensorView, torchTypes } from './globals.js';

export type TorchFormat = 'torch zip' | 'torch legacy';

/**
 * A value of a checkpoint: a plain value, a tensor, an object that gala does not read, or a mapping. A list becomes a
 * mapping with its indices as keys. Other values are left out. The elements of a tensor are read on the first access to
 * its `data`, which throws `StorageError`.
 */
export type TorchValue = number | string | boolean | HostTensor | UnreadObject | ReadonlyMap<string, TorchValue>;

/** Most bytes of a pickle. Those of checkpoints have kilobytes, because the elements are outside of them. */
const largestPickle = 2 ** 26;
const largestDepth = 8;
const largestVisit = 1_000_000;
const legacyMagic = 0x1950a86a20f9469cfc6cn;
const legacyProtocol = 1001;
/**
 * Most bytes of all tensors, as a multiple of the size of the file. Tied weights share their elements, but a much
 * larger multiple is an attempt to fill the memory.
 */
const largestSharing = 4;

/** The format of a file by its first bytes; undefined for other files. Throws `StorageError`. */
export function torchFormatOf(path: string): TorchFormat | undefined {
  return attempt(path, () =>
    withOpenedFile(path, file => {
      const start = file.read(0, Math.min(file.size, 9));
      if (start.toString('latin1', 0, 4) === 'PK\x03\x04') return 'torch zip';
      // PROTO, then LONG1 or FRAME. A safetensors file can begin with the same bytes, but its byte 8 is a brace.
      const isPickle = start[0] === 0x80 && (start[2] === 0x8a || start[2] === 0x95) && start[8] !== 0x7b;
      return isPickle ? 'torch legacy' : undefined;
    }),
  );
}

/**
 * Reads everything but the elements. Throws `StorageError` with the path for a file that is damaged, cut off, not
 * allowed or too large for its size.
 */
export function readTorchFile(path: string): { value: TorchValue | undefined; format: TorchFormat } {
  const format = torchFormatOf(path);
  return attempt(path, () =>
    withOpenedFile(path, file => {
      if (format === undefined) throw new FormatFault('it begins like no file of torch.save');
      const { root, place } = format === 'torch zip' ? openZip(file) : openLegacy(file);
      return { value: plain(root, tensorReader(path, file.size, place)), format };
    }),
  );
}

interface Opened {
  readonly root: Unpickled;
  /** First byte of the elements of a storage. Throws `FormatFault` where elements are missing. */
  place(storage: Storage): number;
}

function openZip(file: OpenedFile): Opened {
  const members = readZipMembers(file);
  const pickle = [...members.keys()].find(path => /^[^/]+\/data\.pkl$/.test(path));
  if (pickle === undefined) throw new FormatFault('it is a zip file without the data.pkl of torch.save');
  const folder = pickle.slice(0, -'data.pkl'.length);
  if (members.has(`${folder}constants.pkl`)) throw new FormatFault('it is a TorchScript archive, a program');
  const stored = (path: string): ZipMember => {
    const member = members.get(path);
    if (member === undefined) throw new FormatFault(`it lacks ${JSON.stringify(path)}`);
    if (member.deflated || member.bytes !== member.compressedBytes)
      throw new FormatFault(`its ${JSON.stringify(path)} is compressed, which torch.save never does`);
    return member;
  };
  const bytesOf = (member: ZipMember, most: number) => {
    if (member.bytes > most) throw new FormatFault(`its ${JSON.stringify(member.path)} has ${member.bytes} bytes`);
    return file.read(memberStart(file, member), member.bytes);
  };
  const order = members.has(`${folder}byteorder`) ? bytesOf(stored(`${folder}byteorder`), 16).toString() : 'little';
  if (order !== 'little') throw new FormatFault(`its byte order is ${JSON.stringify(order)}`);
  const { value } = unpickle(bytesOf(stored(pickle), largestPickle), 0, torchTypes(persistentOf));
  const place = (storage: Storage) => {
    const member = stored(`${folder}data/${storage.key}`);
    if (member.bytes < storage.length * bytesPerElement.get(storage.type)!)
      throw new FormatFault(`its storage ${JSON.stringify(storage.key)} has only ${member.bytes} bytes`);
    return memberStart(file, member);
  };
  return { root: value, place };
}

/**
 * The older format: five pickles (a magic number, a version, the system, the object and the keys of the storages), then
 * the length and the elements of each storage.
 */
function openLegacy(file: OpenedFile): Opened {
  const start = file.read(0, Math.min(file.size, largestPickle));
  const storages = new Map<string, Storage>();
  let at = 0;
  const next = (persistent: (id: Unpickled) => Unpickled = unexpected) => {
    const { value, end } = unpickle(start, at, torchTypes(persistent));
    at = end;
    return value;
  };
  if (next() !== legacyMagic) throw new FormatFault('it begins with a pickle that is not of torch.save');
  if (next() !== legacyProtocol) throw new FormatFault('it is of an unknown version of torch.save');
  const system = next();
  if (system instanceof Map && system.get('little_endian') === false)
    throw new FormatFault('its byte order is big-endian');
  const root = next(id => {
    const storage = persistentOf(id);
    if (!(storage instanceof Storage)) return storage;
    if (Array.isArray(id) && id[5] !== null && id[5] !== undefined)
      throw new FormatFault('its storages are views of others');
    storages.set(storage.key, storage);
    return storage;
  });
  const keys = next();
  const places = new Map<string, number>();
  for (const key of Array.isArray(keys) ? keys : []) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (storage === undefined) throw new FormatFault('it lists a storage that no tensor has');
    const length = Number(file.read(at, 8).readBigInt64LE());
    if (length !== storage.length)
      throw new FormatFault(`its storage ${JSON.stringify(storage.key)} has another length than its tensors`);
    places.set(storage.key, at + 8);
    at += 8 + length * bytesPerElement.get(storage.type)!;
  }
  if (at > file.size) throw new FormatFault(`its storages end at byte ${at}, but it has only ${file.size}`);
  const place = (storage: Storage) => {
    const begin = places.get(storage.key);
    if (begin === undefined) throw new FormatFault(`it lacks the storage ${JSON.stringify(storage.key)}`);
    return begin;
  };
  return { root, place };
}

function unexpected(): never {
  throw new FormatFault('it has a persistent id where none belongs');
}

/** Makes tensors from views. Their elements must all be in the file; they are read from `path` later. */
function tensorReader(
  path: string,
  fileSize: number,
  place: Opened['place'],
): (name: string, view: TensorView) => HostTensor {
  const outOfProportion = `its tensors take more than ${largestSharing} times the size of the file`;
  let budget = largestSharing * Math.max(fileSize, 1 << 16);
  return (name, { storage, offset, shape, strides }) => {
    const what = `its tensor ${JSON.stringify(name)}`;
    const width = bytesPerElement.get(storage.type)!;
    const count = sizeOf(shape);
    budget -= count * Math.max(width, largestWidening);
    if (!(budget >= 0)) throw new FormatFault(outOfProportion);
    const last = count === 0 ? 0 : offset + shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, 0);
    if (count > 0 && !(last < storage.length)) throw new FormatFault(`${what} reaches beyond its storage`);
    const isWhole = count === 0 || isContiguous(shape, strides);
    const spanned = isWhole ? count : last - offset + 1;
    if (!isWhole) budget -= spanned * width;
    if (!(budget >= 0)) throw new FormatFault(outOfProportion);
    const begin = place(storage) + offset * width;
    const elements = () => {
      const bytes = withOpenedFile(path, file => file.read(count === 0 ? 0 : begin, spanned * width));
      const { data } = decodeElements(what, storage.type, bytes);
      return isWhole ? data : gathered(data, shape, strides, count);
    };
    let data: HostTensor['data'] | undefined;
    return {
      dtype: dtypeOf(storage.type),
      shape,
      get data() {
        data ??= attempt(path, elements);
        return data;
      },
    };
  };
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

function gathered(
  from: HostTensor['data'],
  shape: readonly number[],
  strides: readonly number[],
  count: number,
): HostTensor['data'] {
  const data = new (from.constructor as Float32ArrayConstructor)(count);
  const index = shape.map(() => 0);
  let at = 0;
  for (let i = 0; i < count; i++) {
    data[i] = from[at]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      at -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return data;
}

/** The `TorchValue` of an unpickled value; undefined for one that is left out. Throws `FormatFault`. */
function plain(root: Unpickled, read: (name: string, view: TensorView) => HostTensor): TorchValue | undefined {
  let visited = 0;
  const visit = (value: Unpickled, name: string, depth: number): TorchValue | undefined => {
    // A pickle can put one mapping into others many times, so that visits outnumber operations.
    if (++visited > largestVisit) throw new FormatFault(`it has more than ${largestVisit} entries`);
    if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') return value;
    if (value instanceof UnreadObject) return value;
    if (value instanceof TensorView) return read(name, value);
    if (!(value instanceof Map || Array.isArray(value)) || depth === largestDepth) return undefined;
    const entries = new Map<string, TorchValue>();
    for (const [key, item] of value.entries() as Iterable<[Unpickled, Unpickled]>) {
      if (Array.isArray(value) && typeof item !== 'object') continue; // histories of numbers
      const text =
        key instanceof Global ? key.name : ['string', 'number'].includes(typeof key) ? String(key) : undefined;
      const made = text === undefined ? undefined : visit(item, text, depth + 1);
      if (made !== undefined) entries.set(text!, made);
    }
    return entries;
  };
  return visit(root, '', 0);
}

function attempt<T>(path: string, action: () => T): T {
  const next = 'Restore the file from a copy, or load it in PyTorch and save its state_dict() alone with torch.save.';
  return readFormat('PyTorch', path, next, action);
}
