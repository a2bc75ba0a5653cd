/**
 * Keyed random numbers. The key of a stream is a tuple such as ('augment', seed, epoch, index). Equal keys give equal
 * numbers on every machine, in every worker and in any order of calls.
 */
import { normalsWasm } from './random/normalsWasm.js';
import { type WasmInstance, wasmModule } from './wasm.js';

export interface Random {
  /** Uniform 32-bit unsigned integer. */
  uint32(): number;
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number;
  /** Uniform integer in [0, bound), unbiased; 0 < bound ≤ 2^32. */
  integer(bound: number): number;
  /** Standard normal (Box–Muller). */
  normal(): number;
  /** Fills `values` with the results of repeated `normal() * deviation`, ten times as fast. */
  normals(values: Float32Array, deviation: number): void;
}

/**
 * The random stream of a key of integers and strings: xoshiro128** (Blackman & Vigna), seeded with an avalanche hash of
 * the key.
 */
export function randomFor(...key: readonly (number | string)[]): Random {
  let hash = 0x9e3779b9;
  const absorb = (word: number) => {
    hash = mix32((hash ^ word) + 0x9e3779b9);
  };
  for (const part of key) {
    if (typeof part === 'string') {
      for (let i = 0; i < part.length; i++) absorb(part.charCodeAt(i));
      absorb(0x53545200 ^ part.length);
    } else {
      absorb(part | 0);
      absorb(Math.floor(part / 0x100000000) ^ 0x4e554d00);
    }
  }
  let s0 = mix32(hash + 0x9e3779b9);
  let s1 = mix32(hash + 0x3c6ef372);
  let s2 = mix32(hash + 0xdaa66d2b);
  let s3 = mix32(hash + 0x78dde6e4) | 1; // never the all-zero state
  let spareNormal: number | undefined;

  const uint32 = (): number => {
    const product = Math.imul(s1, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = (s3 << 11) | (s3 >>> 21);
    return result;
  };
  const uniform = (): number => ((uint32() >>> 5) * 0x4000000 + (uint32() >>> 6)) / 0x20000000000000;
  const integer = (bound: number): number => {
    const limit = 0x100000000 - (0x100000000 % bound);
    let draw = uint32();
    while (draw >= limit) draw = uint32();
    return draw % bound;
  };
  const normal = (): number => {
    if (spareNormal !== undefined) {
      const value = spareNormal;
      spareNormal = undefined;
      return value;
    }
    const [value, spare] = normalPair(uniform(), uniform());
    spareNormal = spare;
    return value;
  };
  const normals = (values: Float32Array, deviation: number): void => {
    let start = 0;
    if (spareNormal !== undefined && values.length > 0) values[start++] = normal() * deviation;
    const end = values.length - ((values.length - start) % 4);
    const state = Int32Array.of(s0, s1, s2, s3);
    fillNormals(values.subarray(start, end), deviation, state);
    [s0, s1, s2, s3] = state as unknown as [number, number, number, number];
    for (let i = end; i < values.length; i++) values[i] = normal() * deviation;
  };
  return { uint32, uniform, integer, normal, normals };
}

/** Fisher–Yates in place. */
export function shuffle(values: Int32Array, random: Random): Int32Array {
  for (let i = values.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    const swap = values[i]!;
    values[i] = values[j]!;
    values[j] = swap;
  }
  return values;
}

function mix32(word: number): number {
  let h = word | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 0;
}

/** What normals.wat exports. All parameters are addresses, except for `count`, `quads` and `deviation`. */
interface Kernels {
  uniforms(state: number, count: number, into: number): void;
  normals(from: number, quads: number, deviation: number, into: number, unclear: number): number;
}

const instantiate = wasmModule<Kernels>(normalsWasm);
let instance: WasmInstance<Kernels> | undefined;

const blockQuads = 512;
/** Addresses in the kernels' memory. The state is at 0. */
const uniformsAt = 16;
const normalsAt = uniformsAt + 32 * blockQuads;
const unclearAt = normalsAt + 16 * blockQuads;

/** The normal deviates of two uniform numbers (Box–Muller). */
function normalPair(first: number, second: number): [number, number] {
  const radius = Math.sqrt(-2 * Math.log(1 - first));
  const angle = 2 * Math.PI * second;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

/**
 * Fills `values`, a multiple of four, with `deviation` times the normals of as many uniform numbers of a xoshiro128**,
 * whose `state` [4] moves on. The bits are those of `normalPair`, which also computes the pairs that the kernel calls
 * unclear: those close to the middle of two float32.
 */
function fillNormals(values: Float32Array, deviation: number, state: Int32Array): void {
  instance ??= instantiate();
  const { functions, memory } = instance;
  const { buffer } = memory(unclearAt + 4 * blockQuads);
  const words = new Int32Array(buffer, 0, 4);
  const uniforms = new Float64Array(buffer, uniformsAt, 4 * blockQuads);
  const normals = new Float32Array(buffer, normalsAt, 4 * blockQuads);
  const unclear = new Int32Array(buffer, unclearAt, blockQuads);
  words.set(state);
  for (let start = 0; start < values.length; start += 4 * blockQuads) {
    const count = Math.min(4 * blockQuads, values.length - start);
    functions.uniforms(0, count, uniformsAt);
    const found = functions.normals(uniformsAt, count / 4, deviation, normalsAt, unclearAt);
    for (const quad of unclear.subarray(0, found)) {
      for (const pair of [4 * quad, 4 * quad + 2])
        normals.set(
          normalPair(uniforms[pair]!, uniforms[pair + 1]!).map(normal => normal * deviation),
          pair,
        );
    }
    values.set(normals.subarray(0, count), start);
  }
  state.set(words);
}
