/** Normal deviates by the kernels of normals.wat, with the bits that JavaScript's functions give. */
import { type WasmInstance, wasmModule } from '../wasm.js';
import { normalsWasm } from './normalsWasm.js';

/** What normals.wat exports; parameters are addresses but for counts and `deviation`. */
interface Kernels {
  uniforms(state: number, count: number, into: number): void;
  normals(from: number, quads: number, deviation: number, into: number, unclear: number): number;
}

const instantiate = wasmModule<Kernels>(normalsWasm);
let instance: WasmInstance<Kernels> | undefined;

const blockQuads = 512;
const uniformsAt = 16;
const normalsAt = uniformsAt + 32 * blockQuads;
const unclearAt = normalsAt + 16 * blockQuads;

/** The normal deviates of two uniform numbers (Box–Muller). */
export function normalPair(first: number, second: number): [number, number] {
  const radius = Math.sqrt(-2 * Math.log(1 - first));
  const angle = 2 * Math.PI * second;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

/**
 * Fills `values`, a multiple of four, with `deviation` times the pairs of as many uniform numbers of the xoshiro128**
 * with the state [4], which moves on. The bits are those of `normalPair`, however its functions round: it computes what
 * is near the middle of two float32.
 */
export function fillNormals(values: Float32Array, deviation: number, state: Int32Array): void {
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
