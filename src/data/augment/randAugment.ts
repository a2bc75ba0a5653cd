/** RandAugment (Cubuk et al. 2020) in timm's form `rand-m10-n2-mstd0.5`, which the released large-scale recipes use. */
import type { Random } from '../../random.js';
import type { ImageShape } from '../dataset.js';
import type { Interpolation, Sampling } from './affine.js';
import { moveAlongX, moveAlongY, rotateBy } from './affine.js';
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
  solarizeAdd,
} from './colorOperations.js';
import type { Operation, Scratch } from './operation.js';
import { makeScratch, requireColour } from './operation.js';

/**
 * What is drawn for an operation: `level` in 0 … 10, and for operations that move pixels `sign` −1 or 1 and the
 * rest.
 */
interface Draw {
  readonly level: number;
  readonly sign: number;
  readonly interpolation: Interpolation;
}

export type RandAugmentOperation = (image: Uint8Array, shape: ImageShape, draw: Draw, scratch: Scratch) => void;

const draws = 2;
const magnitude = 10;
const magnitudeDeviation = 0.5;
const probability = 0.5;
/** ImageNet's mean colour. */
const fill = [124, 116, 104] as const;

const withoutMagnitude =
  (operation: Operation): RandAugmentOperation =>
  (image, shape, _draw, scratch) =>
    operation(image, shape, 0, scratch);
const byLevel =
  (operation: Operation, magnitudeOf: (level: number) => number): RandAugmentOperation =>
  (image, shape, { level }, scratch) =>
    operation(image, shape, magnitudeOf(level), scratch);
const moving =
  (
    move: (image: Uint8Array, shape: ImageShape, signedLevel: number, how: Sampling, scratch: Scratch) => void,
  ): RandAugmentOperation =>
  (image, shape, { level, sign, interpolation }, scratch) => {
    if (level !== 0) move(image, shape, sign * level, { interpolation, fill }, scratch);
  };
/** The factor of a blend is 0.1 + 0.18·level; the operations add 1 to their magnitude. */
const blendMagnitude = (level: number) => (level / 10) * 1.8 + 0.1 - 1;

/** The operations by timm's names. */
export const randAugmentOperations = {
  AutoContrast: withoutMagnitude(autocontrast),
  Equalize: withoutMagnitude(equalize),
  Invert: withoutMagnitude(invert),
  Rotate: moving((image, shape, level, how, scratch) => rotateBy(image, shape, (level / 10) * 30, how, scratch)),
  Posterize: byLevel(posterize, level => Math.trunc((level / 10) * 4)),
  Solarize: byLevel(solarize, level => Math.min(256, Math.trunc((level / 10) * 256))),
  SolarizeAdd: byLevel(solarizeAdd, level => Math.min(128, Math.trunc((level / 10) * 110))),
  Color: byLevel(color, blendMagnitude),
  Contrast: byLevel(contrast, blendMagnitude),
  Brightness: byLevel(brightness, blendMagnitude),
  Sharpness: byLevel(sharpness, blendMagnitude),
  ShearX: moving((image, shape, level, how, scratch) => {
    moveAlongX(image, shape, { shear: (level / 10) * 0.3, shift: 0 }, how, scratch);
  }),
  ShearY: moving((image, shape, level, how, scratch) => {
    moveAlongY(image, shape, { shear: (level / 10) * 0.3, shift: 0 }, how, scratch);
  }),
  TranslateXRel: moving((image, shape, level, how, scratch) => {
    moveAlongX(image, shape, { shear: 0, shift: (level / 10) * 0.45 * shape.width }, how, scratch);
  }),
  TranslateYRel: moving((image, shape, level, how, scratch) => {
    moveAlongY(image, shape, { shear: 0, shift: (level / 10) * 0.45 * shape.height }, how, scratch);
  }),
} as const satisfies Record<string, RandAugmentOperation>;

const all = Object.values(randAugmentOperations);

/**
 * Draws two operations with replacement and applies each with probability ½. Throws `ConfigError` for images that do
 * not have 3 channels.
 */
export function randAugment(shape: ImageShape): Transform {
  requireColour(shape, 'rand_augment');
  const scratch = makeScratch(shape);
  return (image, random) => {
    for (let i = 0; i < draws; i++) {
      const operation = all[random.integer(all.length)]!;
      if (random.uniform() < probability) operation(image, shape, drawOf(random), scratch);
    }
  };
}

function drawOf(random: Random): Draw {
  const level = magnitude + magnitudeDeviation * random.normal();
  return {
    level: Math.max(0, Math.min(10, level)),
    sign: random.integer(2) === 0 ? -1 : 1,
    interpolation: random.integer(2) === 0 ? 'bilinear' : 'bicubic',
  };
}
