/** Ranges that many keys of a config share. */
import { z } from 'zod';

export const fraction = z.number().min(0).max(1);
export const wholeNumber = z.number().int().min(0);
export const positiveInteger = z.number().int().min(1);
