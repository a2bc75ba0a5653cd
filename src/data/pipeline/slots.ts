/**
 * The shared memory that blocks of batches are written into: slots, which a pipeline lends to one block after the
 * other.
 */
import { sharedBytes, sharedInt32 } from './sharedDataset.js';

/** Room for one block, or the part of it that a short block takes. */
export interface Slot {
  /** HWC bytes, image after image. */
  readonly images: Uint8Array;
  readonly labels: Int32Array;
  readonly indices: Int32Array;
  readonly draws: Int32Array;
}

/**
 * Slots of the pipeline that was closed last, for the next one of the same size: every evaluation opens a pipeline, and
 * V8, which does not count shared memory, would keep the slots of many before it collects them.
 */
let spare: readonly Slot[] = [];

export class Slots {
  readonly #all: readonly Slot[];
  readonly #free: Slot[];
  #waiting: (() => void)[] = [];

  /** `count` slots, each for `images` images of `bytes` bytes in all. */
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

  /** Lends a free slot; one must be there. */
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

  /** Lets everyone who waits for a change look again. */
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
