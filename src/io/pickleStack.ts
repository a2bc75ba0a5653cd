/** The values that a pickle describes, and the stack on which its operations build them. */
import { FormatFault } from './faults.js';

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

/** A type or function that the pickle names. */
export class Global {
  constructor(readonly name: string) {}
}

/** Stands for an object whose class gala does not make. Its items and attributes are ignored. */
export class UnreadObject {
  constructor(readonly type: string) {}
}

/** What a kind of file may name, and what gala makes of it. All methods throw `FormatFault`. */
export interface PickleTypes {
  /** What the strings of Python 2 hold; the format does not tell text from bytes. */
  readonly strings: 'text' | 'bytes';
  globalOf(module: string, name: string): Global;
  call(called: Global, given: readonly Unpickled[]): Unpickled;
  /** An object whose constructor is not called, as Python's `cls.__new__` makes it. */
  instance(type: Global, given: readonly Unpickled[]): Unpickled;
  /** Gives `state` to an object that `call` or `instance` made. */
  build(target: Unpickled, state: Unpickled): void;
  /** The object of a persistent id. */
  persistent(id: Unpickled): Unpickled;
}

const mark = Symbol('mark');

/** The stack and the memo of a pickle. All methods throw `FormatFault`. */
export class PickleStack {
  readonly #items: (Unpickled | typeof mark)[] = [];
  readonly #memo = new Map<number, Unpickled>();

  push(value: Unpickled): void {
    this.#items.push(value);
  }

  pushMark(): void {
    this.#items.push(mark);
  }

  pop(): Unpickled {
    const item = this.#items.pop();
    if (item === undefined || item === mark) throw nothingThere();
    return item as Unpickled;
  }

  /** Drops the topmost value or mark. */
  drop(): void {
    if (this.#items.pop() === undefined) throw nothingThere();
  }

  top(): Unpickled {
    const item = this.pop();
    this.#items.push(item);
    return item;
  }

  /** Takes everything above the last mark, and the mark. */
  popToMark(): Unpickled[] {
    const start = this.#items.lastIndexOf(mark);
    if (start < 0) throw new FormatFault('its pickle lacks a mark');
    return this.#items.splice(start).slice(1) as Unpickled[];
  }

  /** Keeps the topmost value in the memo, by default under the next number. */
  keep(index = this.#memo.size): void {
    this.#memo.set(index, this.top());
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw new FormatFault(`its pickle recalls ${index}, which it never kept`);
    this.#items.push(value);
  }

  /** Appends to the topmost value, a list. */
  append(items: readonly Unpickled[]): void {
    const target = this.top();
    if (target instanceof UnreadObject) return;
    if (!Array.isArray(target)) throw new FormatFault('its pickle appends to no list');
    for (const item of items) target.push(item);
  }

  /** Sets keys and values, which alternate in `items`, of the topmost value, a mapping. */
  setItems(items: readonly Unpickled[]): void {
    const target = this.top();
    if (target instanceof UnreadObject) return;
    if (!(target instanceof Map) || items.length % 2 !== 0)
      throw new FormatFault('its pickle sets items of no mapping');
    for (let i = 0; i < items.length; i += 2) target.set(items[i]!, items[i + 1]!);
  }

  /** Adds to the topmost value, a set. */
  addToSet(items: readonly Unpickled[]): void {
    const target = this.top();
    if (target instanceof UnreadObject) return;
    if (!(target instanceof Set)) throw new FormatFault('its pickle adds to no set');
    for (const item of items) target.add(item);
  }

  /** Replaces arguments and, below them, a type or function by the object that `maker` makes of them. */
  make(maker: (type: Global, given: readonly Unpickled[]) => Unpickled): void {
    const given = this.pop();
    const type = this.pop();
    if (!(type instanceof Global) || !Array.isArray(given)) throw new FormatFault('its pickle calls what is no type');
    this.#items.push(maker(type, given));
  }
}

function nothingThere(): FormatFault {
  return new FormatFault('its pickle takes what is not there');
}
