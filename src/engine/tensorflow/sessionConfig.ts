/** TensorFlow's ConfigProto. */
import { message, varintField } from '../../io/protobuf.js';

/**
 * Bytes of a ConfigProto (tensorflow/core/protobuf/config.proto): intra_op_parallelism_threads = 2, threads inside one
 * operation; inter_op_parallelism_threads = 5. Two operations at a time, where there are threads: going back through a
 * layer, the gradients of its input and of its filter need not wait for one another, which hides the waking of threads
 * (measured 5 to 10 % a step on 2 cores). Which runs first changes no result: each operation adds in an order of its
 * own.
 */
export function sessionConfig(threads: number): Buffer {
  return message(varintField(2, threads), varintField(5, Math.min(threads, 2)));
}
