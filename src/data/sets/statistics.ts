import type { Statistics } from './definition.js';

/** Of the ILSVRC 2012 training images, as torchvision's models use them. */
export const imagenetStatistics: Statistics = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Of CIFAR, as its long-tailed benchmarks use them. */
export const cifarStatistics: Statistics = { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] };
