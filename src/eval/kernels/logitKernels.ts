/** Walks over logits [N, C] by the WebAssembly kernels of logits.wat, a block of rows at a time. */
import { type WasmInstance, wasmModule } from '../../wasm.js';
import { logitsWasm } from './logitsWasm.js';

/** What logits.wat exports; all parameters are addresses, except `rows` and `classes`. */
interface Kernels {
  softmaxRows(
    logits: number,
    rows: number,
    classes: number,
    weights: number,
    predictions: number,
    sums: number,
    scratch: number,
    mass: number,
  ): void;
  shiftedPredictions(
    logits: number,
    rows: number,
    classes: number,
    shifts: number,
    predictions: number,
    scratch: number,
  ): void;
}

export interface SoftmaxSums {
  /** [N]: the class of the largest logit, the lowest of equal ones. */
  readonly predictions: Int32Array;
  /** [N]: Σ_j exp(z_j − largest); NaN for a row with NaN or +∞, or of nothing but −∞. */
  readonly sums: Float64Array;
  /** [C]: Σ_i w_i·softmax(z_i)_j. */
  readonly mass: Float64Array;
}

const instantiate = wasmModule<Kernels>(logitsWasm);
let instance: WasmInstance<Kernels> | undefined;

/** Logits of a block: what the caches near a core hold, beside vectors of classes. */
const blockLogits = 2 ** 14;

/**
 * What the softmax of each row gives, in float64, added up in the order of rows and classes; w_i = 1 without `weights`
 * [N]. With `shifts` [C] it is of the float32 numbers z_j − shift_j.
 */
export function softmaxSums(
  logits: Float32Array,
  classes: number,
  weights?: Float64Array,
  shifts?: Float64Array,
): SoftmaxSums {
  const walk = walkOf(logits, classes);
  const blockWeights = walk.place(Float64Array, walk.blockRows).fill(1);
  const blockPredictions = walk.place(Int32Array, walk.blockRows);
  const blockSums = walk.place(Float64Array, walk.blockRows);
  const scratch = walk.place(Uint8Array, 12 * padded(classes));
  const mass = walk.place(Float64Array, padded(classes)).fill(0);
  const predictions = new Int32Array(logits.length / classes);
  const sums = new Float64Array(predictions.length);
  walk.blocks((block, rows, first) => {
    if (weights) blockWeights.set(weights.subarray(first, first + rows));
    walk.kernels.softmaxRows(
      block,
      rows,
      classes,
      blockWeights.byteOffset,
      blockPredictions.byteOffset,
      blockSums.byteOffset,
      scratch.byteOffset,
      mass.byteOffset,
    );
    predictions.set(blockPredictions.subarray(0, rows), first);
    sums.set(blockSums.subarray(0, rows), first);
  }, shifts);
  return { predictions, sums, mass: mass.slice(0, classes) };
}

/**
 * The class of the largest z_j − shift_j (float64) of each row, the lowest of equal ones; logits below +∞, shifts
 * [C] above −∞.
 */
export function shiftedPredictions(logits: Float32Array, shifts: Float64Array): Int32Array {
  const classes = shifts.length;
  const walk = walkOf(logits, classes);
  const blockPredictions = walk.place(Int32Array, walk.blockRows);
  const scratch = walk.place(Float64Array, padded(classes));
  const paddedShifts = walk.place(Float64Array, padded(classes)).fill(Infinity);
  paddedShifts.set(shifts);
  const predictions = new Int32Array(logits.length / classes);
  walk.blocks((block, rows, first) => {
    walk.kernels.shiftedPredictions(
      block,
      rows,
      classes,
      paddedShifts.byteOffset,
      blockPredictions.byteOffset,
      scratch.byteOffset,
    );
    predictions.set(blockPredictions.subarray(0, rows), first);
  });
  return predictions;
}

function shiftRows(block: Float32Array, rows: number, shifts: Float64Array): void {
  const classes = shifts.length;
  for (let start = 0; start < rows * classes; start += classes)
    for (let klass = 0; klass < classes; klass++) block[start + klass]! -= shifts[klass]!;
}

/** The kernels touch whole vectors of four classes. */
function padded(classes: number): number {
  return Math.ceil(classes / 4) * 4;
}

type Placed = Int32Array | Float64Array | Uint8Array;

/** Room in the kernels' memory for a block of rows and what belongs to it, and the walk over the blocks. */
function walkOf(logits: Float32Array, classes: number) {
  instance ??= instantiate();
  const { functions: kernels, memory } = instance;
  const images = logits.length / classes;
  const blockRows = Math.min(images, Math.max(1, Math.floor(blockLogits / classes)));
  const behind = (bytes: number) => Math.ceil(bytes / 16) * 16 + 16;
  let end = behind(4 * blockRows * classes);
  // At once what all vectors take: memory that grows makes views of it void.
  const { buffer } = memory(end + 64 * (blockRows + padded(classes)) + 1024);
  return {
    kernels,
    blockRows,
    place<T extends Placed>(type: new (buffer: ArrayBuffer, at: number, length: number) => T, length: number): T {
      const placed = new type(buffer, end, length);
      end = behind(end + placed.byteLength);
      return placed;
    },
    blocks(each: (block: number, rows: number, first: number) => void, shifts?: Float64Array) {
      const block = new Float32Array(buffer, 0, blockRows * classes);
      for (let first = 0; first < images; first += blockRows) {
        const rows = Math.min(blockRows, images - first);
        block.set(logits.subarray(first * classes, (first + rows) * classes));
        if (shifts) shiftRows(block, rows, shifts);
        each(block.byteOffset, rows, first);
      }
    },
  };
}
