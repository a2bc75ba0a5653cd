/** Long-tailed subsets with a seed of their own: which images of a balanced training set are kept. */
import { ConfigError } from '../errors.js';
import { sha256 } from '../io/hash.js';
import { randomFor, shuffle } from '../random.js';
import type { Dataset } from './dataset.js';
import { classCounts } from './dataset.js';
import { sharedDataset, sharedInt32 } from './pipeline/sharedDataset.js';

type Labels = Pick<Dataset, 'length' | 'label' | 'classNames'>;

/**
 * Images each class keeps: n_c = floor(n_max · (1/IF)^(c/(C−1))), class 0 the head (Cui et al., CVPR 2019, as used for
 * CIFAR-LT). A product that is a whole number up to float rounding counts as that number.
 */
export function longTailedCounts(classes: number, largest: number, imbalanceFactor: number): Int32Array {
  return Int32Array.from({ length: classes }, (_, c) => {
    const exact = largest * (1 / imbalanceFactor) ** (classes === 1 ? 0 : c / (classes - 1));
    const whole = Math.round(exact);
    return Math.abs(exact - whole) < 1e-9 * largest ? whole : Math.floor(exact);
  });
}

/**
 * Indices of the long-tailed subset, ascending. Each class is shuffled by (seed, class) and a prefix is kept, so one
 * seed gives nested subsets for growing imbalance factors. 1 keeps every image. Throws `ConfigError` naming the class
 * that would be left empty or that has too few images.
 */
export function longTailedIndices(dataset: Labels, imbalanceFactor: number, seed: number): Int32Array {
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
 * Splits a training set in two, class by class: about `fraction` of each class is held out, at least one image of every
 * class that has two, and never the last one. Both index lists ascend.
 */
export function holdOut(dataset: Labels, fraction: number, seed: number): { kept: Int32Array; heldOut: Int32Array } {
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
 * What a config draws from the training images: the long-tailed subset, and of it what is kept and held out as `val`.
 */
export function drawTraining(
  dataset: Labels,
  { imbalance_factor, subset_seed }: { readonly imbalance_factor: number; readonly subset_seed: number },
  heldOutFraction: number | undefined,
): { indices: Int32Array; split: { kept: Int32Array; heldOut: Int32Array } | undefined } {
  const indices = longTailedIndices(dataset, imbalance_factor, subset_seed);
  if (heldOutFraction === undefined) return { indices, split: undefined };
  const longTailed: Labels = {
    classNames: dataset.classNames,
    length: indices.length,
    label: i => dataset.label(indices[i]!),
  };
  return { indices, split: holdOut(longTailed, heldOutFraction, subset_seed) };
}

/**
 * The images of `dataset` at `indices`, in that order: those alone are read where that can be, else the pixels of a
 * dataset in shared memory are shared.
 */
export function subset(dataset: Dataset, indices: Int32Array): Dataset {
  for (const index of indices) {
    if (index < 0 || index >= dataset.length) {
      throw new RangeError(`Index ${index} is outside of ${dataset.name}, which has ${dataset.length} images.`);
    }
  }
  const { name, classNames, imageShape } = dataset;
  const fingerprint = sha256(dataset.fingerprint, indexHash(indices));
  const picked = dataset.pick?.(indices);
  if (picked) return sharedDataset({ name, classNames, imageShape, fingerprint, shared: picked });
  const { shared, stored } = dataset;
  if (shared === undefined) {
    return {
      name,
      classNames,
      imageShape,
      fingerprint,
      length: indices.length,
      label: index => dataset.label(indices[index]!),
      image: (index, into) => dataset.image(indices[index]!, into),
      ...(stored && { stored: { ...stored, locate: index => stored.locate(indices[index]!) } }),
    };
  }
  const rows = sharedInt32(indices.length);
  const labels = sharedInt32(indices.length);
  indices.forEach((index, i) => {
    rows[i] = shared.rows[index]!;
    labels[i] = shared.labels[index]!;
  });
  return sharedDataset({
    name,
    classNames,
    imageShape,
    fingerprint,
    shared: { pixels: shared.pixels, rows, labels },
  });
}

/** sha256 (hex) of the indices as little-endian int32. */
export function indexHash(indices: Int32Array): string {
  const bytes = new DataView(new ArrayBuffer(4 * indices.length));
  indices.forEach((index, i) => {
    bytes.setInt32(4 * i, index, true);
  });
  return sha256(new Uint8Array(bytes.buffer));
}

function chooseFromEachClass(
  dataset: Labels,
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
