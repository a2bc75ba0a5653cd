import type { PixelSet } from './definition.js';

/** A long-tailed subset of Fashion-MNIST (Xiao et al. 2017), made by scripts/make-fashion-mnist-lt.mjs. */
export const fashionMnistLt = {
  name: 'fashion_mnist_lt',
  form: 'pixels',
  classes: 10,
  imageShape: { height: 28, width: 28, channels: 1 },
  largestClass: 500,
  testImages: 2000,
  statistics: { mean: [0.286], std: [0.353] },
  longTailed: 100,
  bundled: 'fashion_mnist_lt',
  open: async (root: string) => (await import('../fashionMnist.js')).openIdxSet(root),
} as const satisfies PixelSet;
