/**
 * Rows of a results table: the scores of one evaluation, plain, re-balanced or logit-adjusted, with their source.
 */
import type { EvaluationSource } from './logitsFile.js';
import { inPercent, type PercentScores, type Scores } from './scores.js';
import type { Summary } from './summary.js';

/** Methods of prediction other than plain and re-balanced with τ. */
export const rowMethods = ['equal_masses', 'logit_adjusted'] as const;

/** As kept in run.json, in percent: plain predictions have neither `tau` nor `method`. */
export interface ResultRow extends EvaluationSource, PercentScores {
  readonly tau?: number;
  /** Absent for plain predictions and for re-balancing with τ. */
  readonly method?: (typeof rowMethods)[number];
  /**
   * What selected τ: `config`, `given` (command line), `default` (1, of logits without a config), or the split on
   * which it was the best (`test` = an oracle).
   */
  readonly tau_selected_on?: string;
}

/**
 * The plain scores, then a row per τ of re-balancing, which `tauSelectedOn` selected, a row of re-balancing to equal
 * masses, and a row per τ of logit adjustment, which is always given.
 */
export function resultRows(
  source: EvaluationSource,
  summary: Pick<Summary, 'plain' | 'rebalanced' | 'equalMasses' | 'adjusted'>,
  tauSelectedOn: string,
): ResultRow[] {
  return [
    resultRow(source, summary.plain),
    ...summary.rebalanced.map(({ tau, scores }) => resultRow(source, scores, { tau, tau_selected_on: tauSelectedOn })),
    resultRow(source, summary.equalMasses.scores, { method: 'equal_masses' }),
    ...summary.adjusted.map(({ tau, scores }) =>
      resultRow(source, scores, { tau, method: 'logit_adjusted', tau_selected_on: 'given' }),
    ),
  ];
}

/** One row; without `by` the scores are of plain predictions. */
export function resultRow(
  { split, run, checkpoint, epoch, selected_on, precision }: EvaluationSource,
  scores: Scores,
  by?: Pick<ResultRow, 'tau' | 'method' | 'tau_selected_on'>,
): ResultRow {
  return {
    run,
    split,
    checkpoint,
    ...(epoch !== undefined && { epoch }),
    ...(selected_on !== undefined && { selected_on }),
    ...(precision !== undefined && { precision }),
    ...by,
    ...inPercent(scores),
  };
}

type Selected = Pick<ResultRow, 'checkpoint' | 'method' | 'tau_selected_on'>;

/**
 * The scores of a run that tables show, from its rows, which begin with the reported checkpoint: `best` where a split
 * selected one, else `last`. Re-balanced is at the τ of the config, `oracle` at the τ that is best on the test
 * images.
 */
export function reportedScores<Row extends Selected>(rows: readonly Row[] = []) {
  const of = (checkpoint: string | undefined, tauSelectedOn?: string, method?: Row['method']): Row | undefined =>
    rows.find(row => row.checkpoint === checkpoint && row.tau_selected_on === tauSelectedOn && row.method === method);
  const reported = rows[0]?.checkpoint;
  return {
    plain: of(reported),
    rebalanced: of(reported, 'config'),
    equal_masses: of(reported, undefined, 'equal_masses'),
    oracle: of(reported, 'test'),
    last: of('last'),
    last_rebalanced: of('last', 'config'),
    last_equal_masses: of('last', undefined, 'equal_masses'),
  };
}
