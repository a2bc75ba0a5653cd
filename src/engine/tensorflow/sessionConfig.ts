/** TensorFlow's ConfigProto, encoded by hand: two small fields do not need a protobuf library. */

/**
 * Bytes of a ConfigProto (tensorflow/core/protobuf/config.proto): intra_op_parallelism_threads = 2, threads inside one
 * operation; inter_op_parallelism_threads = 5. Two operations at a time, where there are threads: going back through a
 * layer, the gradients of its input and of its filter need not wait for one another, which hides the waking of threads
 * (measured 5 to 10 % a step on 2 cores). Which runs first changes no result: each operation adds in an order of its own.
 */
export function sessionConfig(threads: number): Buffer {
  return Buffer.from([...varintField(2, threads), ...varintField(5, Math.min(threads, 2))]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return [...bytes, rest];
}

const varintField = (field: number, value: number) => [...varint(field << 3), ...varint(value)];
