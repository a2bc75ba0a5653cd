/**
 * The order in which an epoch visits the training images: always a function of (seed, epoch) alone, so a resumed run
 * finds its place again.
 */

import { randomFor, shuffle } from '../random.js';
import type { Dataset } from './dataset.js';
import type { DataConfig } from './schema.js';

/** Indices of one epoch (1-based) in the order of their use; as many as the set has images. */
export type Sampler = (epoch: number) => Int32Array;

type Labels = Pick<Dataset, 'length' | 'label' | 'classNames'>;

/**
 * Images that a class gives each time class-aware sampling comes to it, as in the public code of OLTR and Decoupling.
 */
const imagesPerDraw = 4;

/** The sampler of a config for a training set. Classes without images are never drawn. */
export function createSampler(name: DataConfig['sampler'], dataset: Labels, seed: number): Sampler {
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
 * Class-aware sampling (Shen et al., ECCV 2016): the classes come in shuffled rounds, and each gives its next four
 * images, which come in shuffled rounds of their own. Every class is drawn equally often, but for the round that the
 * epoch's end cuts off.
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

/**
 * Class-balanced sampling (Kang et al., ICLR 2020, with q = 0): each image is one of a class drawn uniformly, itself
 * drawn uniformly from it.
 */
function classBalancedOrder(members: readonly Int32Array[], length: number, seed: number, epoch: number): Int32Array {
  const random = randomFor('class-balanced', seed, epoch);
  return Int32Array.from({ length }, () => {
    const indices = members[random.integer(members.length)]!;
    return indices[random.integer(indices.length)]!;
  });
}

/** Gives the values one after the other, shuffled anew for each round. */
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
function membersOfClasses(dataset: Labels): Int32Array[] {
  const members: number[][] = dataset.classNames.map(() => []);
  for (let i = 0; i < dataset.length; i++) members[dataset.label(i)]!.push(i);
  return members.filter(indices => indices.length > 0).map(indices => Int32Array.from(indices));
}
