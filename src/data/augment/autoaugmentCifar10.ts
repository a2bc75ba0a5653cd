/** AutoAugment's CIFAR-10 policy (Cubuk et al., CVPR 2019), with the magnitudes of the common Pillow implementation. */
import type { Random } from '../../random.js';
import type { ImageShape } from '../dataset.js';
import { moveAlongX, moveAlongY, rotateNearest } from './affine.js';
import type { Transform } from './augmentation.js';
import {
  autocontrast,
  brightness,
  color,
  contrast,
  equalize,
  invert,
  posterize,
  sharpness,
  solarize,
} from './colorOperations.js';
import { shift } from './geometry.js';
import type { Operation, Scratch } from './operation.js';
import { makeScratch, requireColour } from './operation.js';

interface OperationRange {
  readonly apply: Operation;
  /** Magnitude at level 0 … 9. */
  readonly magnitude: (level: number) => number;
  /** Whether the magnitude gets a random sign. */
  readonly signed: boolean;
}

/** Grey value of the pixels that an operation brings in from outside of the image. */
const outside = 128;
const bicubic = { interpolation: 'bicubic', fill: [outside, outside, outside] } as const;

const shearX: Operation = (image, shape, magnitude, scratch) =>
  moveAlongX(image, shape, { shear: magnitude, shift: 0 }, bicubic, scratch);
const shearY: Operation = (image, shape, magnitude, scratch) =>
  moveAlongY(image, shape, { shear: magnitude, shift: 0 }, bicubic, scratch);
/** out(x, y) = in(x + magnitude·width, y), nearest pixel. */
const translateX: Operation = (image, shape, magnitude) =>
  shift(image, shape, 0, Math.floor(magnitude * shape.width + 0.5), outside);
const translateY: Operation = (image, shape, magnitude) =>
  shift(image, shape, Math.floor(magnitude * shape.height + 0.5), 0, outside);
const rotate: Operation = (image, shape, magnitude, scratch) =>
  rotateNearest(image, shape, magnitude, outside, scratch);

/** `level` of numpy's linspace(0, end, 10). */
const upTo = (end: number) => (level: number) => level * (end / 9);
const none = () => 0;

/** The operations by name. Rotation has no random sign, as in the reference. */
export const operations = {
  shearX: { apply: shearX, magnitude: upTo(0.3), signed: true },
  shearY: { apply: shearY, magnitude: upTo(0.3), signed: true },
  translateX: { apply: translateX, magnitude: upTo(150 / 331), signed: true },
  translateY: { apply: translateY, magnitude: upTo(150 / 331), signed: true },
  rotate: { apply: rotate, magnitude: upTo(30), signed: false },
  color: { apply: color, magnitude: upTo(0.9), signed: true },
  posterize: { apply: posterize, magnitude: level => Math.round(8 - level * (4 / 9)), signed: false },
  solarize: { apply: solarize, magnitude: level => 256 - level * (256 / 9), signed: false },
  contrast: { apply: contrast, magnitude: upTo(0.9), signed: true },
  sharpness: { apply: sharpness, magnitude: upTo(0.9), signed: true },
  brightness: { apply: brightness, magnitude: upTo(0.9), signed: true },
  autocontrast: { apply: autocontrast, magnitude: none, signed: false },
  equalize: { apply: equalize, magnitude: none, signed: false },
  invert: { apply: invert, magnitude: none, signed: false },
} as const satisfies Record<string, OperationRange>;

export type OperationName = keyof typeof operations;

/** Probability, operation, level. */
type Step = readonly [number, OperationName, number];

/** The 25 sub-policies. Each image gets the two steps of one sub-policy, each with its probability. */
// biome-ignore format: one sub-policy a line
export const subPolicies: readonly (readonly [Step, Step])[] = [
  [[0.1, 'invert', 7], [0.2, 'contrast', 6]],
  [[0.7, 'rotate', 2], [0.3, 'translateX', 9]],
  [[0.8, 'sharpness', 1], [0.9, 'sharpness', 3]],
  [[0.5, 'shearY', 8], [0.7, 'translateY', 9]],
  [[0.5, 'autocontrast', 8], [0.9, 'equalize', 2]],
  [[0.2, 'shearY', 7], [0.3, 'posterize', 7]],
  [[0.4, 'color', 3], [0.6, 'brightness', 7]],
  [[0.3, 'sharpness', 9], [0.7, 'brightness', 9]],
  [[0.6, 'equalize', 5], [0.5, 'equalize', 1]],
  [[0.6, 'contrast', 7], [0.6, 'sharpness', 5]],
  [[0.7, 'color', 7], [0.5, 'translateX', 8]],
  [[0.3, 'equalize', 7], [0.4, 'autocontrast', 8]],
  [[0.4, 'translateY', 3], [0.2, 'sharpness', 6]],
  [[0.9, 'brightness', 6], [0.2, 'color', 8]],
  [[0.5, 'solarize', 2], [0.0, 'invert', 3]],
  [[0.2, 'equalize', 0], [0.6, 'autocontrast', 0]],
  [[0.2, 'equalize', 8], [0.6, 'equalize', 4]],
  [[0.9, 'color', 9], [0.6, 'equalize', 6]],
  [[0.8, 'autocontrast', 4], [0.2, 'solarize', 8]],
  [[0.1, 'brightness', 3], [0.7, 'color', 0]],
  [[0.4, 'solarize', 5], [0.9, 'autocontrast', 3]],
  [[0.9, 'translateY', 9], [0.7, 'translateY', 9]],
  [[0.9, 'autocontrast', 2], [0.8, 'solarize', 3]],
  [[0.8, 'equalize', 8], [0.1, 'invert', 3]],
  [[0.7, 'translateY', 9], [0.9, 'autocontrast', 1]],
];

/** Applies one sub-policy, drawn uniformly. Throws `ConfigError` for images that do not have 3 channels. */
export function autoaugmentCifar10(shape: ImageShape): Transform {
  requireColour(shape, 'autoaugment_cifar10');
  const scratch = makeScratch(shape);
  return (image, random) => {
    const [first, second] = subPolicies[random.integer(subPolicies.length)]!;
    applyStep(first, image, shape, random, scratch);
    applyStep(second, image, shape, random, scratch);
  };
}

function applyStep(
  [probability, name, level]: Step,
  image: Uint8Array,
  shape: ImageShape,
  random: Random,
  scratch: Scratch,
): void {
  if (random.uniform() >= probability) return;
  const operation = operations[name];
  const sign = operation.signed && random.integer(2) === 0 ? -1 : 1;
  operation.apply(image, shape, sign * operation.magnitude(level), scratch);
}
