import { z } from 'zod';
import { namePattern, nameRule } from '../experimentName.js';

/** The name of an experiment. */
export const experimentName = z.string().regex(namePattern, nameRule);
