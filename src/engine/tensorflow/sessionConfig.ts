/** TensorFlow's ConfigProto, encoded by hand: two small fields do not need a protobuf library. */

/**
 * Bytes of a ConfigProto (tensorflow/core/protobuf/config.proto): intra_op_parallelism_threads = 2, threads inside one
 * operation; inter_op_parallelism_threads = 5, one operation at a time, the fastest on few cores.
 */
export function sessionConfig(threads: number): Buffer {
  return Buffer.from([...varintField(2, threads), ...varintField(5, 1)]);
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
