/** One row of the table that `kernels.test.ts` works off. */
import type * as tf from '@tensorflow/tfjs';
import type { HostTensor } from '../../../src/tensor.js';
import { randomIntegers, randomTensor } from '../../numbers.js';

// biome-ignore lint/suspicious/noExplicitAny: rows take tensors of their own ranks
type Op = (...inputs: any[]) => tf.Tensor;

export interface KernelCase {
  /** Must occur in what the row records, in its value or in its gradient. */
  readonly kernel: string;
  readonly what: string;
  readonly inputs: readonly HostTensor[];
  readonly op: Op;
  /** What the reference backend computes in place of `op` where it lacks the kernel or has it wrong. */
  readonly reference: Op;
  /** Whether gradients by the float inputs are compared too. */
  readonly gradient: boolean;
}

interface Options {
  readonly reference?: Op;
  readonly gradient?: boolean;
}

type InputSpec = HostTensor | readonly number[];

/** A row; an input given as a shape is random in (−1, 1). */
export function kernelCase(
  kernel: string,
  what: string,
  inputs: readonly InputSpec[],
  op: Op,
  { reference = op, gradient = true }: Options = {},
): KernelCase {
  const tensors = inputs.map((input, i) => ('dtype' in input ? input : randomTensor(`${kernel} ${what} ${i}`, input)));
  return { kernel, what, inputs: tensors, op, reference, gradient };
}

/** Random in (0.2, 2): for logarithms, roots and divisors. */
export const positive = (...shape: number[]): HostTensor => randomTensor(`positive ${shape}`, shape, 0.2, 2);

export const integers = (bound: number, ...shape: number[]): HostTensor =>
  randomIntegers(`integers ${shape}`, shape, bound);
