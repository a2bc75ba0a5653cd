/**
 * Reads pickles, such as those of `torch.save` and of CIFAR's archives. A pickle is a program for a stack machine.
 * Python's reader imports and calls what the program names; this one does neither, and `PickleTypes` makes the few
 * types that a kind of file needs. The length of the pickle and `largestCount` bound work and memory. Format: CPython's
 * `pickletools`, protocols 2 to 5 without out-of-band buffers.
 */
import { FormatFault } from './faults.js';
import { PickleStack, type PickleTypes, type Unpickled } from './pickleStack.js';

/** Most operations of one pickle; a checkpoint of ResNet-152 with its optimizer has some 50,000. */
export const largestCount = 2_000_000;
/** Most bytes of one integer; the states of random generators have hundreds. */
const largestInteger = 2 ** 16;

/**
 * The object that the pickle from byte `at` of `bytes` describes, and the byte behind the pickle. Throws `FormatFault`
 * for a pickle that is damaged or uses operations or types that gala does not know.
 */
export function unpickle(bytes: Buffer, at: number, types: PickleTypes): { value: Unpickled; end: number } {
  const stack = new PickleStack();
  const reader = new PickleReader(bytes, at, types.strings);
  for (let count = 0; count <= largestCount; count++) {
    const code = String.fromCharCode(reader.byte());
    if (code === '.') return { value: stack.pop(), end: reader.at }; // STOP
    const operation = operations.get(code);
    if (operation === undefined) throw unknownOperation(code);
    operation(stack, reader, types);
  }
  throw new FormatFault(`its pickle has more than ${largestCount} operations`);
}

/** Reads the arguments of operations. All methods throw `FormatFault` where the pickle ends before. */
class PickleReader {
  constructor(
    readonly all: Buffer,
    public at: number,
    readonly strings: PickleTypes['strings'],
  ) {}

  bytes(count: number): Buffer {
    if (!(count >= 0 && this.at + count <= this.all.length)) throw new FormatFault('its pickle ends in the middle');
    this.at += count;
    return this.all.subarray(this.at - count, this.at);
  }

  byte(): number {
    return this.bytes(1)[0]!;
  }

  uint16(): number {
    return this.bytes(2).readUInt16LE();
  }

  int32(): number {
    return this.bytes(4).readInt32LE();
  }

  uint32(): number {
    return this.bytes(4).readUInt32LE();
  }

  uint64(): number {
    return Number(this.bytes(8).readBigUInt64LE());
  }

  text(count: number): string {
    return this.bytes(count).toString('utf8');
  }

  /** A string of Python 2. */
  string(count: number): string | Buffer {
    return this.strings === 'text' ? this.text(count) : this.bytes(count);
  }

  /** The text up to the next line feed. */
  line(): string {
    const end = this.all.indexOf(10, this.at);
    return this.text(end < 0 ? Number.NaN : end + 1 - this.at).slice(0, -1);
  }

  /** A whole number of `count` bytes, two's complement. */
  integer(count: number): number | bigint {
    if (count > largestInteger) throw new FormatFault(`its pickle has an integer of ${count} bytes`);
    const bytes = this.bytes(count);
    if (bytes.length === 0) return 0;
    const value = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
    const signed = BigInt.asIntN(8 * bytes.length, value);
    return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
  }
}

type Operation = (stack: PickleStack, reader: PickleReader, types: PickleTypes) => void;

/** The operations by their codes, with the names that `pickletools` gives them. */
const operations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['\x80', (_, reader) => requireProtocol(reader.byte())], // PROTO
  ['\x95', (_, reader) => void reader.bytes(8)], // FRAME

  // Stack and memo
  ['(', stack => stack.pushMark()], // MARK
  ['0', stack => stack.drop()], // POP
  ['1', stack => void stack.popToMark()], // POP_MARK
  ['q', (stack, reader) => stack.keep(reader.byte())], // BINPUT
  ['r', (stack, reader) => stack.keep(reader.uint32())], // LONG_BINPUT
  ['\x94', stack => stack.keep()], // MEMOIZE
  ['h', (stack, reader) => stack.recall(reader.byte())], // BINGET
  ['j', (stack, reader) => stack.recall(reader.uint32())], // LONG_BINGET

  // Plain values
  ['N', stack => stack.push(null)], // NONE
  ['\x88', stack => stack.push(true)], // NEWTRUE
  ['\x89', stack => stack.push(false)], // NEWFALSE
  ['K', (stack, reader) => stack.push(reader.byte())], // BININT1
  ['M', (stack, reader) => stack.push(reader.uint16())], // BININT2
  ['J', (stack, reader) => stack.push(reader.int32())], // BININT
  ['\x8a', (stack, reader) => stack.push(reader.integer(reader.byte()))], // LONG1
  ['\x8b', (stack, reader) => stack.push(reader.integer(reader.int32()))], // LONG4
  ['G', (stack, reader) => stack.push(reader.bytes(8).readDoubleBE())], // BINFLOAT
  ['\x8c', (stack, reader) => stack.push(reader.text(reader.byte()))], // SHORT_BINUNICODE
  ['X', (stack, reader) => stack.push(reader.text(reader.uint32()))], // BINUNICODE
  ['\x8d', (stack, reader) => stack.push(reader.text(reader.uint64()))], // BINUNICODE8
  ['U', (stack, reader) => stack.push(reader.string(reader.byte()))], // SHORT_BINSTRING
  ['T', (stack, reader) => stack.push(reader.string(reader.int32()))], // BINSTRING
  ['C', (stack, reader) => stack.push(reader.bytes(reader.byte()))], // SHORT_BINBYTES
  ['B', (stack, reader) => stack.push(reader.bytes(reader.uint32()))], // BINBYTES
  ['\x8e', (stack, reader) => stack.push(reader.bytes(reader.uint64()))], // BINBYTES8
  ['\x96', (stack, reader) => stack.push(reader.bytes(reader.uint64()))], // BYTEARRAY8

  // Tuples and lists are arrays
  [')', stack => stack.push([])], // EMPTY_TUPLE
  ['\x85', stack => stack.push([stack.pop()])], // TUPLE1
  ['\x86', stack => stack.push([stack.pop(), stack.pop()].reverse())], // TUPLE2
  ['\x87', stack => stack.push([stack.pop(), stack.pop(), stack.pop()].reverse())], // TUPLE3
  ['t', stack => stack.push(stack.popToMark())], // TUPLE
  [']', stack => stack.push([])], // EMPTY_LIST
  ['l', stack => stack.push(stack.popToMark())], // LIST
  ['a', stack => stack.append([stack.pop()])], // APPEND
  ['e', stack => stack.append(stack.popToMark())], // APPENDS

  // Mappings and sets
  ['}', stack => stack.push(new Map())], // EMPTY_DICT
  ['d', makeMapping], // DICT
  ['s', stack => stack.setItems([stack.pop(), stack.pop()].reverse())], // SETITEM
  ['u', stack => stack.setItems(stack.popToMark())], // SETITEMS
  ['\x8f', stack => stack.push(new Set())], // EMPTY_SET
  ['\x90', stack => stack.addToSet(stack.popToMark())], // ADDITEMS
  ['\x91', stack => stack.push(new Set(stack.popToMark()))], // FROZENSET

  // Types and their objects
  ['c', (stack, reader, types) => stack.push(types.globalOf(reader.line(), reader.line()))], // GLOBAL
  ['\x93', pushGlobal], // STACK_GLOBAL
  ['R', (stack, _, types) => stack.make((type, given) => types.call(type, given))], // REDUCE
  ['\x81', (stack, _, types) => stack.make((type, given) => types.instance(type, given))], // NEWOBJ
  ['\x92', makeWithKeywords], // NEWOBJ_EX
  ['b', build], // BUILD
  ['Q', (stack, _, types) => stack.push(types.persistent(stack.pop()))], // BINPERSID
]);

function requireProtocol(protocol: number): void {
  if (protocol > 5) throw new FormatFault('its pickle is of an unknown protocol');
}

function makeMapping(stack: PickleStack): void {
  const items = stack.popToMark();
  stack.push(new Map());
  stack.setItems(items);
}

function pushGlobal(stack: PickleStack, _: PickleReader, types: PickleTypes): void {
  const [name, module] = [stack.pop(), stack.pop()];
  if (typeof name !== 'string' || typeof module !== 'string')
    throw new FormatFault('its pickle names a type by no text');
  stack.push(types.globalOf(module, name));
}

/** The keyword arguments on top are ignored. */
function makeWithKeywords(stack: PickleStack, _: PickleReader, types: PickleTypes): void {
  stack.pop();
  stack.make((type, given) => types.instance(type, given));
}

function build(stack: PickleStack, _: PickleReader, types: PickleTypes): void {
  const state = stack.pop();
  types.build(stack.top(), state);
}

function unknownOperation(code: string): FormatFault {
  const hex = code.charCodeAt(0).toString(16);
  return new FormatFault(`its pickle has the operation 0x${hex}, which gala does not read`);
}
