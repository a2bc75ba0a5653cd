/**
 * Rules between keys, which a schema of single keys cannot express. Contradictions are problems; others are warnings.
 */
import type { Problem } from '../problem.js';
import type { Check, Checked, ConfigKey } from './checked.js';
import { checkAugmentation, checkData, checkGroups, checkImageFiles, checkSplit } from './data.js';
import { checkEffect } from './effect.js';
import { checkFrozen, checkHead, checkUntrained } from './network.js';
import {
  checkBatches,
  checkBatchNorm,
  checkEngine,
  checkEvaluation,
  checkOptimizer,
  checkSchedule,
} from './training.js';

/** In the order in which their messages appear. */
const checks: readonly Check[] = [
  checkEffect,
  checkData,
  checkAugmentation,
  checkHead,
  checkUntrained,
  checkImageFiles,
  checkSplit,
  checkFrozen,
  checkBatches,
  checkBatchNorm,
  checkOptimizer,
  checkSchedule,
  checkEvaluation,
  checkGroups,
  checkEngine,
];

/** Problems and warnings (`position: sentence`) of a config. */
export function checkAcrossKeys(checked: Checked): { problems: Problem[]; warnings: string[] } {
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const whereOf = (key: ConfigKey) => checked.origin(key) ?? `default of ${key}`;
  for (const check of checks) {
    check(checked, {
      refuse: (key, message, word) => {
        const where = whereOf(key);
        const replaces = word !== undefined && where.startsWith(word.slice(0, word.indexOf('=') + 1));
        const cure = word === undefined ? undefined : { word, ...(replaces && { instead: where }) };
        problems.push({ where, message, key, cure });
      },
      warn: (key, message) => warnings.push(`${whereOf(key)}: ${message}`),
    });
  }
  return { problems, warnings };
}
