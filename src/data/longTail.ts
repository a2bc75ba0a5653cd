/** Draws long-tailed subsets of balanced training sets, and validation images of training sets. */
import { ConfigError } from '../errors.js';
import { randomFor, shuffle } from '../random.js';
import { classCounts, type LabelledImages } from './dataset.js';

/**
 * Images of each class in the subset: n_c = floor(n_max · (1/IF)^(c/(C−1))), class 0 the largest (Cui et al., CVPR
 * 2019, as used for CIFAR-LT). A product that is a whole number up to float rounding counts as this number.
 */
export function longTailedCounts(classes: number, largest: number, imbalanceFactor: number): Int32Array {
  return Int32Array.from({ length: classes }, (_, c) => {
    const exact = largest * (1 / imbalanceFactor) ** (classes === 1 ? 0 : c / (classes - 1));
    const whole = Math.round(exact);
    return Math.abs(exact - whole) < 1e-9 * largest ? whole : Math.floor(exact);
  });
}

/**
 * Indices of the long-tailed subset, ascending. Each class is shuffled by (seed, class) and its first images are kept,
 * so that a larger imbalance factor gives a subset of the images of a smaller one. Factor 1 keeps every image. Throws
 * `ConfigError` naming a class that would be empty or that has too few images.
 */
export function longTailedIndices(dataset: LabelledImages, imbalanceFactor: number, seed: number): Int32Array {
  if (imbalanceFactor === 1) return Int32Array.from({ length: dataset.length }, (_, i) => i);
  const available = classCounts(dataset);
  const largest = available.reduce((a, b) => Math.max(a, b), 0);
  const keep = longTailedCounts(available.length, largest, imbalanceFactor);
  keep.forEach((count, c) => {
    const where = `class ${c} (${dataset.classNames[c]}), data.imbalance_factor ${imbalanceFactor}`;
    if (count === 0) {
      throw new ConfigError('The imbalance factor leaves a class without a training image.', {
        where,
        next: `Set data.imbalance_factor to at most ${largest}: the largest class has ${largest} images.`,
      });
    }
    if (count > available[c]!) {
      throw new ConfigError(`The subset needs ${count} images of a class that has ${available[c]}.`, {
        where,
        next: 'This set is long-tailed already: set data.imbalance_factor to 1 to keep every image.',
      });
    }
  });
  return chooseFromEachClass(dataset, available, keep, 'subset', seed);
}

/**
 * Divides a training set, class by class: about `fraction` of each class is held out, but at least one image of a class
 * with two images, and never the last image of a class. Both lists of indices ascend. Throws `ConfigError`.
 */
export function holdOut(
  dataset: LabelledImages,
  fraction: number,
  seed: number,
): { kept: Int32Array; heldOut: Int32Array } {
  if (!(fraction > 0 && fraction < 1)) {
    throw new ConfigError('The held-out part must be a fraction of the training set.', {
      where: `fraction ${fraction}`,
      next: 'Give a number between 0 and 1, for example 0.1.',
    });
  }
  const available = classCounts(dataset);
  const take = available.map(count => (count < 2 ? 0 : Math.min(count - 1, Math.max(1, Math.round(count * fraction)))));
  const heldOut = chooseFromEachClass(dataset, available, take, 'hold-out', seed);
  const chosen = new Set(heldOut);
  const kept = new Int32Array(dataset.length - heldOut.length);
  for (let i = 0, next = 0; i < dataset.length; i++) if (!chosen.has(i)) kept[next++] = i;
  return { kept, heldOut };
}

/**
 * The images that a config draws from the training images: the indices of the long-tailed subset, and, as indices into
 * the subset, the images that are kept and held out as `val`. Throws `ConfigError`.
 */
export function drawTraining(
  dataset: LabelledImages,
  { imbalance_factor, subset_seed }: { readonly imbalance_factor: number; readonly subset_seed: number },
  heldOutFraction: number | undefined,
): { indices: Int32Array; split: { kept: Int32Array; heldOut: Int32Array } | undefined } {
  const indices = longTailedIndices(dataset, imbalance_factor, subset_seed);
  if (heldOutFraction === undefined) return { indices, split: undefined };
  const longTailed: LabelledImages = {
    classNames: dataset.classNames,
    length: indices.length,
    label: i => dataset.label(indices[i]!),
  };
  return { indices, split: holdOut(longTailed, heldOutFraction, subset_seed) };
}

function chooseFromEachClass(
  dataset: LabelledImages,
  available: Int32Array,
  take: Int32Array,
  purpose: string,
  seed: number,
): Int32Array {
  const members = Array.from(available, count => new Int32Array(count));
  const filled = new Int32Array(available.length);
  for (let i = 0; i < dataset.length; i++) {
    const c = dataset.label(i);
    members[c]![filled[c]!++] = i;
  }
  const chosen = new Int32Array(take.reduce((a, b) => a + b, 0));
  let offset = 0;
  members.forEach((indices, c) => {
    chosen.set(shuffle(indices, randomFor(purpose, seed, c)).subarray(0, take[c]), offset);
    offset += take[c]!;
  });
  return chosen.sort();
}
