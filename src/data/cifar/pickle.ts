/**
 * The pickled files of CIFAR's Python archives: dictionaries of lists and one NumPy array, read without running
 * anything of them.
 */
import { DataError } from '../../errors.js';
import { FormatFault } from '../../io/faults.js';
import { unpickle } from '../../io/pickle.js';
import { Global, type PickleTypes, type Unpickled } from '../../io/pickleStack.js';
import type { CifarLayout } from '../sets/definition.js';

/** What NumPy's `_reconstruct` makes and its pickled state fills, or `_frombuffer` (protocol 5) makes whole. */
class NumpyArray {
  shape: readonly number[] = [];
  type = '';
  bytes: Uint8Array = new Uint8Array(0);

  /** `room` counts the copied bytes. */
  fill(
    shape: Unpickled | undefined,
    type: Unpickled | undefined,
    bytes: Unpickled | undefined,
    room: (bytes: number) => void,
  ): this {
    if (!(Array.isArray(shape) && type instanceof NumpyType && bytes instanceof Uint8Array))
      throw new FormatFault('it has an array without shape, type or bytes');
    room(shape.length);
    return Object.assign(this, { shape: shape.map(Number), type: type.name, bytes });
  }
}

class NumpyType {
  constructor(readonly name: string) {}
}

// NumPy 2 renamed `core`.
const reconstruct = new Set(['numpy.core.multiarray._reconstruct', 'numpy._core.multiarray._reconstruct']);
const fromBuffer = new Set(['numpy.core.numeric._frombuffer', 'numpy._core.numeric._frombuffer']);
const known = new Set([...reconstruct, ...fromBuffer, 'numpy.ndarray', 'numpy.dtype', '_codecs.encode']);
const columnByColumn = 'its array lies column by column';

/**
 * The types of one pickle. `room` gets the number of bytes before they are copied: a pickle can recall one text often,
 * and each copy would take memory that the file does not have.
 */
const numpyTypes = (room: (bytes: number) => void): PickleTypes => ({
  // Python 2 wrote bytes and texts alike.
  strings: 'bytes',
  globalOf(module, name) {
    const whole = `${module}.${name}`;
    if (known.has(whole)) return new Global(whole);
    throw new FormatFault(
      `it calls for ${JSON.stringify(whole.slice(0, 100))}, which CIFAR does not need; nothing of it was run`,
    );
  },
  call({ name }, given) {
    if (reconstruct.has(name)) return new NumpyArray();
    if (fromBuffer.has(name)) {
      const [bytes, type, shape, order] = given;
      if (order === 'F') throw new FormatFault(columnByColumn);
      return new NumpyArray().fill(shape, type, bytes, room);
    }
    room(lengthOf(given[0]));
    const text = textOf(given[0]);
    if (text === undefined) throw new FormatFault(`it calls ${name} without a text`);
    if (name === 'numpy.dtype') return new NumpyType(text);
    if (name === '_codecs.encode') return latin1Bytes(text, textOf(given[1]));
    throw new FormatFault(`it calls ${name}, which makes nothing`);
  },
  instance({ name }) {
    throw new FormatFault(`it makes an object of ${name}, which CIFAR does not need`);
  },
  build(target, state) {
    if (target instanceof NumpyType) return; // byte order and flags, which single bytes do not have
    const [, shape, type, isFortran, bytes] = Array.isArray(state) ? state : [];
    if (!(target instanceof NumpyArray)) throw new FormatFault('it gives attributes to what is no array');
    if (isFortran === true || isFortran === 1) throw new FormatFault(columnByColumn);
    target.fill(shape, type, bytes, room);
  },
  persistent() {
    throw new FormatFault('it refers to something outside of the file');
  },
});

/** Pixels [count · 3072] and each label of a batch file. Throws `DataError`. */
export function readCifarBatch(
  file: Buffer,
  path: string,
  layout: CifarLayout,
  count: number,
): { pixels: Uint8Array; labels: readonly (readonly number[])[] } {
  const names = layout.labels.length === 1 ? ['labels'] : ['coarse_labels', 'fine_labels'];
  return attempt(path, layout, () => {
    const entries = dictionaryOf(file);
    const data = entries.get('data');
    if (!(data instanceof NumpyArray) || !/^\|?u1$/.test(data.type))
      throw new FormatFault('it has no array of bytes "data"');
    const expected = [count, 3072];
    if (String(data.shape) !== String(expected) || data.bytes.length !== count * 3072)
      throw new FormatFault(`"data" is [${data.shape}] of ${data.bytes.length} bytes, not [${expected}]`);
    const labels = names.map((name, l) => {
      const values = entries.get(name);
      if (!Array.isArray(values) || values.length !== count)
        throw new FormatFault(`it has no list of ${count} "${name}"`);
      const wrong = values.findIndex(
        value => !(Number.isInteger(value) && (value as number) >= 0 && (value as number) < layout.labels[l]!),
      );
      if (wrong !== -1)
        throw new FormatFault(
          `record ${wrong} of "${name}" is ${String(values[wrong])}, out of range 0…${layout.labels[l]! - 1}`,
        );
      return values as number[];
    });
    return { pixels: data.bytes, labels };
  });
}

/** The class names of a meta file. Throws `DataError`. */
export function readCifarNames(file: Buffer, path: string, layout: CifarLayout): string[] {
  const key = layout.labels.length === 1 ? 'label_names' : 'fine_label_names';
  return attempt(path, layout, () => {
    const names = dictionaryOf(file).get(key);
    if (!Array.isArray(names)) throw new FormatFault(`it has no list "${key}"`);
    const room = roomOf(file);
    return names.map(name => {
      room(lengthOf(name));
      return textOf(name) ?? '';
    });
  });
}

function dictionaryOf(file: Buffer): Map<string, Unpickled> {
  const { value } = unpickle(file, 0, numpyTypes(roomOf(file)));
  if (!(value instanceof Map)) throw new FormatFault('it is no dictionary');
  return new Map([...value].map(([key, entry]) => [textOf(key) ?? '', entry]));
}

/** How protocol 2 of Python 3 writes bytes: as a text with a letter for each byte. Throws `FormatFault`. */
function latin1Bytes(text: string, encoding: string | undefined): Buffer {
  if (encoding !== 'latin1' || /[^\0-\xff]/.test(text))
    throw new FormatFault('its bytes are written as a text that is not of Latin-1');
  return Buffer.from(text, 'latin1');
}

/** Throws `FormatFault` when more bytes are copied than the file has. */
function roomOf(file: Buffer): (bytes: number) => void {
  let left = file.length;
  return bytes => {
    left -= bytes;
    if (left < 0) throw new FormatFault('it copies its texts until they are larger than the file');
  };
}

function lengthOf(value: Unpickled | undefined): number {
  return typeof value === 'string' || value instanceof Uint8Array ? value.length : 0;
}

function textOf(value: Unpickled | undefined): string | undefined {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : undefined;
}

function attempt<T>(path: string, { archive }: CifarLayout, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof FormatFault)) throw error;
    throw new DataError(`The file is not one of CIFAR's Python archive: ${error.message}.`, {
      where: path,
      next: `It is damaged or of another dataset: unpack ${archive.name} again.`,
      cause: error,
    });
  }
}
