/**
 * The order in which an epoch visits the training images. It depends only on seed and epoch, so that a resumed run can
 * continue.
 */

import { randomFor, shuffle } from '../random.js';
import type { LabelledImages } from './dataset.js';
import type { DataConfig } from './schema.js';

/** The indices that an epoch, from 1, visits in order: as many as the set has images. */
export type Sampler = (epoch: number) => Int32Array;

/** Images that class-aware sampling draws from a class in a row, as in the public code of OLTR and Decoupling. */
const imagesPerDraw = 4;

/** The sampler that a config names. Never draws classes without images. */
export function createSampler(name: DataConfig['sampler'], dataset: LabelledImages, seed: number): Sampler {
  if (name === 'shuffled') return epoch => shuffledOrder(dataset.length, seed, epoch);
  const members = membersOfClasses(dataset);
  const order = name === 'class_aware' ? classAwareOrder : classBalancedOrder;
  return epoch => order(members, dataset.length, seed, epoch);
}

/** A permutation of 0 … length − 1. */
export function shuffledOrder(length: number, seed: number, epoch: number): Int32Array {
  return shuffle(
    Int32Array.from({ length }, (_, i) => i),
    randomFor('sampler', seed, epoch),
  );
}

/**
 * Class-aware sampling (Shen et al., ECCV 2016): visits the classes in shuffled rounds, and takes the next four images
 * of each class, which also come in shuffled rounds. All classes are drawn equally often, except in the round that the
 * end of the epoch cuts off.
 */
function classAwareOrder(members: readonly Int32Array[], length: number, seed: number, epoch: number): Int32Array {
  const nextClass = rounds(
    Int32Array.from(members, (_, i) => i),
    ['class-aware', seed, epoch],
  );
  const nextImage = members.map((indices, i) => rounds(indices, ['class-aware', seed, epoch, i]));
  const order = new Int32Array(length);
  for (let start = 0; start < length; start += imagesPerDraw) {
    const next = nextImage[nextClass()]!;
    for (let i = start; i < Math.min(start + imagesPerDraw, length); i++) order[i] = next();
  }
  return order;
}

/** Class-balanced sampling (Kang et al., ICLR 2020, with q = 0): a uniform image of a uniform class. */
function classBalancedOrder(members: readonly Int32Array[], length: number, seed: number, epoch: number): Int32Array {
  const random = randomFor('class-balanced', seed, epoch);
  return Int32Array.from({ length }, () => {
    const indices = members[random.integer(members.length)]!;
    return indices[random.integer(indices.length)]!;
  });
}

/** Returns the values one after the other, in rounds that are shuffled anew. */
function rounds(values: Int32Array, key: readonly (number | string)[]): () => number {
  const random = randomFor(...key);
  const round = values.slice();
  let position = round.length;
  return () => {
    if (position === round.length) {
      shuffle(round, random);
      position = 0;
    }
    return round[position++]!;
  };
}

/** Indices of each class that has images. */
function membersOfClasses(dataset: LabelledImages): Int32Array[] {
  const members: number[][] = dataset.classNames.map(() => []);
  for (let i = 0; i < dataset.length; i++) members[dataset.label(i)]!.push(i);
  return members.filter(indices => indices.length > 0).map(indices => Int32Array.from(indices));
}
