/** The losses by their names in a config. A new loss needs its own file and a line here. */
import { z } from 'zod';
import { balancedSoftmax } from './balancedSoftmax.js';
import { classBalanced } from './classBalanced.js';
import { crossEntropy } from './crossEntropy.js';
import { focal } from './focal.js';
import { gala } from './gala.js';
import { labelSmoothing } from './labelSmoothing.js';
import { ldam } from './ldam.js';
import { logitAdjustment } from './logitAdjustment.js';
import type { LossDefinition } from './loss.js';

export const losses = {
  cross_entropy: crossEntropy,
  label_smoothing: labelSmoothing,
  focal,
  class_balanced: classBalanced,
  ldam,
  balanced_softmax: balancedSoftmax,
  logit_adjustment: logitAdjustment,
  gala,
} satisfies Readonly<Record<string, LossDefinition>>;

type LossName = keyof typeof losses;

type SchemaOf<Name extends string, Definition> =
  Definition extends LossDefinition<infer Keys>
    ? z.ZodObject<{ name: z.ZodLiteral<Name> } & Keys, z.core.$strict>
    : never;
type AnySchema = { [Name in LossName]: SchemaOf<Name, (typeof losses)[Name]> }[LossName];

const schemas = Object.entries(losses).map(([name, { keys, description }]) =>
  z.strictObject({ name: z.literal(name).describe('Which loss.'), ...keys }).describe(description),
);

/** The section `loss` of a config: the name of a loss, and its keys. */
export const lossSchema = z
  .discriminatedUnion('name', schemas as unknown as [AnySchema, ...AnySchema[]])
  .describe('The training loss.');

export type LossConfig = z.output<typeof lossSchema>;
