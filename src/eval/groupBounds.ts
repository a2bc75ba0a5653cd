/** Which classes are many, medium and few. */

/**
 * Bounds on the training images of a class: `many` has more than `many`, `few` has fewer than `few`, `medium` is
 * between.
 */
export interface GroupBounds {
  readonly many: number;
  readonly few: number;
}

/** The bounds of Liu et al. (OLTR, CVPR 2019). */
export const defaultGroups: GroupBounds = { many: 100, few: 20 };
