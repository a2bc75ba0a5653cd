/** Slots: shared memory that a pipeline lends to one block after the other. */
import { sharedBytes, sharedInt32 } from '../dataset.js';

/** Memory for one block, or the part that a short block needs. */
export interface Slot {
  /** HWC bytes, image after image. */
  readonly images: Uint8Array;
  readonly labels: Int32Array;
  readonly indices: Int32Array;
  readonly draws: Int32Array;
}

/**
 * The slots of the last closed pipeline, for the next one of the same size. Every evaluation opens a pipeline, and V8,
 * which does not count shared memory, would collect the slots of closed pipelines late.
 */
let spare: readonly Slot[] = [];

export class Slots {
  readonly #all: readonly Slot[];
  readonly #free: Slot[];
  #waiting: (() => void)[] = [];

  /** `count` slots, each for `images` images with `bytes` bytes together. */
  constructor(count: number, images: number, bytes: number) {
    const [first] = spare;
    const fits = spare.length === count && first?.labels.length === images && first.images.length === bytes;
    this.#all = fits ? spare : Array.from({ length: count }, () => newSlot(images, bytes));
    this.#free = [...this.#all];
    spare = [];
  }

  get hasFree(): boolean {
    return this.#free.length > 0;
  }

  /** Lends a slot. `hasFree` must be true. */
  take(): Slot {
    return this.#free.pop()!;
  }

  giveBack(slot: Slot): void {
    this.#free.push(slot);
    this.wake();
  }

  /** Resolves after the next `giveBack` or `wake`. */
  changed(): Promise<void> {
    return new Promise(resolve => this.#waiting.push(resolve));
  }

  /** Resolves the promises of `changed`. */
  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Keeps the memory for the next pipeline. Nothing may write to the slots any more. */
  keepForNext(): void {
    spare = this.#all;
  }
}

function newSlot(images: number, bytes: number): Slot {
  return {
    images: sharedBytes(bytes),
    labels: sharedInt32(images),
    indices: sharedInt32(images),
    draws: sharedInt32(images),
  };
}
