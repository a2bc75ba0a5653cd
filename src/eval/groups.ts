/** Which classes are many, medium and few. */

export const groupNames = ['many', 'medium', 'few'] as const;

export type Group = (typeof groupNames)[number];

/**
 * Bounds on the training images of a class: a class of `many` has more than `many`, a class of `few` fewer than `few`;
 * the others are `medium`.
 */
export interface GroupBounds {
  readonly many: number;
  readonly few: number;
}

/** The bounds of Liu et al. (OLTR, CVPR 2019). */
export const defaultGroups: GroupBounds = { many: 100, few: 20 };

/** Group of a class by its number of *training* images. */
export function groupOf(trainingImages: number, { many, few }: GroupBounds = defaultGroups): Group {
  return trainingImages > many ? 'many' : trainingImages >= few ? 'medium' : 'few';
}
