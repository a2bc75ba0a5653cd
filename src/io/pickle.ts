/**
 * A reader for pickles: those of `torch.save`, of CIFAR's archives. A pickle is a program for a stack machine, and the
 * usual reader runs it: it imports and calls what the file names. This one imports and calls nothing of the file: the
 * few types that the kind of file needs (`PickleTypes`) are made here. Work and memory are bounded by the bytes read
 * and by `largestCount`. Format: CPython's `pickletools`, protocols 2 to 5 without buffers outside of the pickle.
 */
import { FormatFault } from './formatFault.js';

export type Unpickled =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Unpickled[]
  | Map<Unpickled, Unpickled>
  | Set<Unpickled>
  | object;

/** A type or function that the pickle named. */
export class Global {
  constructor(readonly name: string) {}
}

/** In place of an object of a class that is not made here. The items and attributes that it is given are dropped. */
export class UnreadObject {
  constructor(readonly type: string) {}
}

/** What a kind of file may name, and what becomes of it; all throw `FormatFault`. */
export interface PickleTypes {
  /** What the strings of Python 2 are, which may hold text or bytes. */
  readonly strings: 'text' | 'bytes';
  globalOf(module: string, name: string): Global;
  call(called: Global, given: readonly Unpickled[]): Unpickled;
  /** An object of a class without a call, as Python's `cls.__new__` makes it. */
  instance(type: Global, given: readonly Unpickled[]): Unpickled;
  /** Gives `state` to an object that a call made. */
  build(target: Unpickled, state: Unpickled): void;
  /** What a persistent id stands for. */
  persistent(id: Unpickled): Unpickled;
}

/** Operations of one pickle; a checkpoint of ResNet-152 with its optimiser has some 50,000. */
export const largestCount = 2_000_000;
/** Bytes of one integer; the states of random generators have hundreds. */
const largestInteger = 2 ** 16;
const mark = Symbol('mark');
type Item = Unpickled | typeof mark;

/**
 * The object that the pickle from byte `at` of `bytes` describes, and where it ends. Throws `FormatFault` for what
 * is damaged, unknown or not allowed.
 */
export function unpickle(bytes: Buffer, at: number, types: PickleTypes): { value: Unpickled; end: number } {
  const stack: Item[] = [];
  const memo = new Map<number, Unpickled>();

  const take = (count: number): number => {
    if (!(count >= 0 && at + count <= bytes.length)) throw new FormatFault('its pickle ends in the middle');
    at += count;
    return at - count;
  };
  const pop = (): Unpickled => {
    const item = stack.pop();
    if (item === undefined || item === mark) throw new FormatFault('its pickle takes what is not there');
    return item as Unpickled;
  };
  const top = (): Unpickled => {
    const item = pop();
    stack.push(item);
    return item;
  };
  /** Everything above the last mark, which goes too. */
  const popToMark = (): Unpickled[] => {
    const start = stack.lastIndexOf(mark);
    if (start < 0) throw new FormatFault('its pickle lacks a mark');
    const items = stack.splice(start).slice(1);
    return items as Unpickled[];
  };
  const text = (count: number) => bytes.toString('utf8', take(count), at);
  const string = (count: number) => (types.strings === 'text' ? text(count) : bytes.subarray(take(count), at));
  const line = () => {
    const end = bytes.indexOf(10, at);
    if (end < 0) throw new FormatFault('its pickle ends in the middle');
    const start = take(end + 1 - at);
    return bytes.toString('utf8', start, end);
  };
  const length8 = () => Number(bytes.readBigUInt64LE(take(8)));
  const recall = (index: number) => {
    const value = memo.get(index);
    if (value === undefined) throw new FormatFault(`its pickle recalls ${index}, which it never kept`);
    stack.push(value);
  };
  const keep = (index: number) => void memo.set(index, top());
  const setItems = (items: readonly Unpickled[]) => {
    const target = top();
    if (target instanceof UnreadObject) return;
    if (!(target instanceof Map) || items.length % 2 !== 0)
      throw new FormatFault('its pickle sets items of no mapping');
    for (let i = 0; i < items.length; i += 2) target.set(items[i]!, items[i + 1]!);
  };
  const append = (items: readonly Unpickled[]) => {
    const target = top();
    if (target instanceof UnreadObject) return;
    if (!Array.isArray(target)) throw new FormatFault('its pickle appends to no list');
    for (const item of items) target.push(item);
  };

  const make = (given: Unpickled, type: Unpickled, how: 'call' | 'instance') => {
    if (!(type instanceof Global) || !Array.isArray(given)) throw new FormatFault('its pickle calls what is no type');
    stack.push(types[how](type, given));
  };

  for (let count = 0; ; count++) {
    if (count > largestCount) throw new FormatFault(`its pickle has more than ${largestCount} operations`);
    const code = bytes[take(1)]!;
    switch (String.fromCharCode(code)) {
      case '\x80': // PROTO
        if (bytes[take(1)]! > 5) throw new FormatFault('its pickle is of an unknown protocol');
        break;
      case '\x95': // FRAME
        take(8);
        break;
      case '.': // STOP
        return { value: pop(), end: at };
      case '(':
        stack.push(mark);
        break;
      case '0': // POP
        if (stack.pop() === undefined) throw new FormatFault('its pickle takes what is not there');
        break;
      case '1': // POP_MARK
        popToMark();
        break;
      case 'N':
        stack.push(null);
        break;
      case '\x88':
        stack.push(true);
        break;
      case '\x89':
        stack.push(false);
        break;
      case 'J':
        stack.push(bytes.readInt32LE(take(4)));
        break;
      case 'K':
        stack.push(bytes[take(1)]!);
        break;
      case 'M':
        stack.push(bytes.readUInt16LE(take(2)));
        break;
      case '\x8a': {
        const size = bytes[take(1)]!;
        stack.push(integer(bytes.subarray(take(size), at)));
        break;
      }
      case '\x8b': {
        // LONG4
        const size = bytes.readInt32LE(take(4));
        if (size > largestInteger) throw new FormatFault(`its pickle has an integer of ${size} bytes`);
        stack.push(integer(bytes.subarray(take(size), at)));
        break;
      }
      case 'G':
        stack.push(bytes.readDoubleBE(take(8)));
        break;
      case 'X':
        stack.push(text(bytes.readUInt32LE(take(4))));
        break;
      case '\x8c':
        stack.push(text(bytes[take(1)]!));
        break;
      case '\x8d':
        stack.push(text(length8()));
        break;
      case 'U': // SHORT_BINSTRING
        stack.push(string(bytes[take(1)]!));
        break;
      case 'T': // BINSTRING
        stack.push(string(bytes.readInt32LE(take(4))));
        break;
      case 'C': // SHORT_BINBYTES
        stack.push(bytes.subarray(take(bytes[take(1)]!), at));
        break;
      case 'B': // BINBYTES
        stack.push(bytes.subarray(take(bytes.readUInt32LE(take(4))), at));
        break;
      case '\x8e': // BINBYTES8
      case '\x96': // BYTEARRAY8
        stack.push(bytes.subarray(take(length8()), at));
        break;
      case ')':
        stack.push([]);
        break;
      case 't':
        stack.push(popToMark());
        break;
      case '\x85':
        stack.push([pop()]);
        break;
      case '\x86': {
        const second = pop();
        stack.push([pop(), second]);
        break;
      }
      case '\x87': {
        const [third, second] = [pop(), pop()];
        stack.push([pop(), second, third]);
        break;
      }
      case ']':
        stack.push([]);
        break;
      case 'l': // LIST
        stack.push(popToMark());
        break;
      case 'a':
        append([pop()]);
        break;
      case 'e':
        append(popToMark());
        break;
      case '}':
        stack.push(new Map());
        break;
      case 'd': {
        const items = popToMark();
        stack.push(new Map());
        setItems(items);
        break;
      }
      case 's': {
        const value = pop();
        setItems([pop(), value]);
        break;
      }
      case 'u':
        setItems(popToMark());
        break;
      case '\x8f': // EMPTY_SET
        stack.push(new Set());
        break;
      case '\x90': {
        const items = popToMark();
        const target = top();
        if (target instanceof UnreadObject) break;
        if (!(target instanceof Set)) throw new FormatFault('its pickle adds to no set');
        for (const item of items) target.add(item);
        break;
      }
      case '\x91':
        stack.push(new Set(popToMark()));
        break;
      case 'q':
        keep(bytes[take(1)]!);
        break;
      case 'r':
        keep(bytes.readUInt32LE(take(4)));
        break;
      case '\x94': // MEMOIZE
        keep(memo.size);
        break;
      case 'h':
        recall(bytes[take(1)]!);
        break;
      case 'j':
        recall(bytes.readUInt32LE(take(4)));
        break;
      case 'c': {
        const module = line();
        stack.push(types.globalOf(module, line()));
        break;
      }
      case '\x93': {
        // STACK_GLOBAL
        const [name, module] = [pop(), pop()];
        if (typeof name !== 'string' || typeof module !== 'string')
          throw new FormatFault('its pickle names a type by no text');
        stack.push(types.globalOf(module, name));
        break;
      }
      case 'R': // REDUCE
        make(pop(), pop(), 'call');
        break;
      case '\x81': // NEWOBJ
        make(pop(), pop(), 'instance');
        break;
      case '\x92': // NEWOBJ_EX: arguments with names are on top
        pop();
        make(pop(), pop(), 'instance');
        break;
      case 'b': {
        const state = pop();
        types.build(top(), state);
        break;
      }
      case 'Q': // BINPERSID
        stack.push(types.persistent(pop()));
        break;
      default:
        throw new FormatFault(`its pickle has the operation 0x${code.toString(16)}, which checkpoints do not need`);
    }
  }
}

/** Little-endian two's complement; beyond 2^53 a bigint. */
function integer(bytes: Buffer): number | bigint {
  if (bytes.length === 0) return 0;
  const value = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
  const signed = BigInt.asIntN(8 * bytes.length, value);
  return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
}
