/** `loss`: a loss by name, each with its own keys. */
import { z } from 'zod';
import { fraction } from './numbers.js';

const crossEntropy = z
  .strictObject({ name: z.literal('cross_entropy').describe('Which loss.') })
  .describe('Mean softmax cross-entropy.');
const gala = z
  .strictObject({
    name: z.literal('gala').describe('Which loss.'),
    lambda1: z.number().min(0).max(10).default(1).describe('λ1: weight of log(θ + ε), the positive-gradient margin.'),
    lambda2: z
      .number()
      .min(0)
      .max(10)
      .default(1)
      .describe('λ2: weight of log(φ + ε), the negative-gradient margin of the sample’s class.'),
    variant: z
      .enum(['released', 'paper', 'normalized'])
      .default('released')
      .describe('Which formula of the margins; see docs/method.md.'),
    accumulation: z
      .enum(['released', 'plain'])
      .default('released')
      .describe('How θ and φ add up over steps; see docs/method.md.'),
  })
  .describe('Gradient-aware logit adjustment.');
const labelSmoothing = z
  .strictObject({
    name: z.literal('label_smoothing').describe('Which loss.'),
    epsilon: z.number().min(0).lt(1).default(0.1).describe('ε: share of the target spread over all classes.'),
  })
  .describe('Cross-entropy with smoothed labels.');
const gamma = z.number().min(0).max(10);
const focal = z
  .strictObject({
    name: z.literal('focal').describe('Which loss.'),
    gamma: gamma.default(2).describe('γ: exponent of (1 − p) of the sample’s class.'),
  })
  .describe('Focal loss of the softmax.');
const classBalanced = z
  .strictObject({
    name: z.literal('class_balanced').describe('Which loss.'),
    beta: z.number().min(0).lt(1).default(0.9999).describe('β of the effective number (1 − β^n) / (1 − β).'),
    gamma: gamma.default(0).describe('γ of the focal factor; 0 = plain cross-entropy.'),
    reweight_from: fraction
      .default(0)
      .describe('Fraction of training after which the weights apply (DRW); 1 all before. 0 = from the start.'),
  })
  .describe('Cross-entropy or focal loss weighted by the effective number of samples.');
const ldam = z
  .strictObject({
    name: z.literal('ldam').describe('Which loss.'),
    max_margin: z.number().min(0).max(2).default(0.5).describe('Margin of the rarest class, in cosines.'),
    beta: z.number().min(0).lt(1).default(0.9999).describe('β of the effective number, for the weights of DRW.'),
    reweight_from: fraction
      .default(0.8)
      .describe('Fraction of training after which classes are re-weighted (DRW); 0 = from the start, 1 = never.'),
  })
  .describe('Label-distribution-aware margins on cosine logits, with deferred re-weighting.');
const balancedSoftmax = z
  .strictObject({ name: z.literal('balanced_softmax').describe('Which loss.') })
  .describe('Cross-entropy of the logits + log n.');
const logitAdjustment = z
  .strictObject({
    name: z.literal('logit_adjustment').describe('Which loss.'),
    tau: z.number().min(0).max(10).default(1).describe('τ: weight of the log prior added to the logits in training.'),
  })
  .describe('Cross-entropy of the logits + τ · log prior.');
export const loss = z
  .discriminatedUnion('name', [
    crossEntropy,
    labelSmoothing,
    focal,
    classBalanced,
    ldam,
    balancedSoftmax,
    logitAdjustment,
    gala,
  ])
  .describe('The training loss.');
