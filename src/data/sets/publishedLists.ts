/**
 * The lists of "Decoupling representation and classifier" (Kang et al., ICLR 2020), at the commit that the ids are of.
 */
export const publishedLists =
  'https://raw.githubusercontent.com/facebookresearch/classifier-balancing/' +
  'f162adef63fdf592d0b8a0f6e52bc481fc08785f/data';
