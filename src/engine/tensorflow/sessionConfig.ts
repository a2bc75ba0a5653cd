/** TensorFlow's ConfigProto, encoded by hand: six small fields do not need a protobuf library. */

export interface SessionOptions {
  /** Threads that one operation may use. */
  readonly threads: number;
  readonly bf16: boolean;
}

/**
 * Bytes of a ConfigProto (tensorflow/core/protobuf/config.proto, rewriter_config.proto): intra_op_parallelism_threads = 2,
 * inter_op_parallelism_threads = 5 (1 is the fastest on few cores and keeps one order of execution), graph_options = 10
 * { rewrite_options = 10 { auto_mixed_precision_onednn_bfloat16 = 31: ON } }.
 */
export function sessionConfig({ threads, bf16 }: SessionOptions): Buffer {
  const rewrite = bf16 ? varintField(31, 1) : [];
  const graphOptions = rewrite.length > 0 ? bytesField(10, rewrite) : [];
  return Buffer.from([
    ...varintField(2, threads),
    ...varintField(5, 1),
    ...(graphOptions.length > 0 ? bytesField(10, graphOptions) : []),
  ]);
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
const bytesField = (field: number, bytes: number[]) => [...varint((field << 3) | 2), ...varint(bytes.length), ...bytes];
