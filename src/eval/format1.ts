/**
 * Files of format 1, run.json and result records: fractions where format 2 has percent, and `selectedOn` for
 * `selected_on`.
 */
import { percentOf } from './scores.js';

const names: Readonly<Record<string, string>> = { selectedOn: 'selected_on', tauSelectedOn: 'tau_selected_on' };

/** The metrics of format 1; records of format 2 may lack the other metrics. */
export const firstMetrics: ReadonlySet<string> = new Set(['top1', 'many', 'medium', 'few']);

/** Converts the parsed JSON of a file from format 1 to format 2; returns other content unchanged and checks nothing. */
export function fromFormat1(content: unknown): unknown {
  if (!isObject(content) || content.format !== 1) return content;
  const { results, scores, rebalanced_best } = content;
  return {
    ...content,
    format: 2,
    ...('results' in content && { results: rowsOf(results) }),
    ...('scores' in content && { scores: rowsOf(scores) }),
    ...('rebalanced_best' in content && { rebalanced_best: rowOf(rebalanced_best) }),
  };
}

function rowsOf(rows: unknown): unknown {
  return Array.isArray(rows) ? rows.map(rowOf) : rows;
}

function rowOf(row: unknown): unknown {
  if (!isObject(row)) return row;
  const value = (key: string, of: unknown) => (firstMetrics.has(key) && typeof of === 'number' ? percentOf(of) : of);
  return Object.fromEntries(Object.entries(row).map(([key, of]) => [names[key] ?? key, value(key, of)]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
