/**
 * Rows of a results table: the scores of one evaluation, plain, re-balanced or logit-adjusted, with their source.
 */
import type { EvaluationSource } from './logitsFile.js';
import { inPercent, type PercentScores, type Scores } from './scores.js';
import type { Summary } from './summary.js';

/** As kept in run.json, in percent: `tau` is absent for plain predictions. */
export interface ResultRow extends EvaluationSource, PercentScores {
  readonly tau?: number;
  /** The method that τ belongs to; absent for re-balancing. */
  readonly method?: 'logit_adjusted';
  /**
   * What selected τ: `config`, `given` (command line), `default` (1, of logits without a config), or the split on
   * which it was the best (`test` = an oracle).
   */
  readonly tau_selected_on?: string;
}

/**
 * The plain scores, then a row per τ of re-balancing, which `tauSelectedOn` selected, and per τ of logit adjustment,
 * which is always given.
 */
export function resultRows(
  source: EvaluationSource,
  summary: Pick<Summary, 'plain' | 'rebalanced' | 'adjusted'>,
  tauSelectedOn: string,
): ResultRow[] {
  return [
    resultRow(source, summary.plain),
    ...summary.rebalanced.map(({ tau, scores }) => resultRow(source, scores, { tau, tau_selected_on: tauSelectedOn })),
    ...summary.adjusted.map(({ tau, scores }) =>
      resultRow(source, scores, { tau, method: 'logit_adjusted', tau_selected_on: 'given' }),
    ),
  ];
}

/** One row; without `ofTau` the scores are of plain predictions. */
export function resultRow(
  { split, run, checkpoint, epoch, selected_on, precision }: EvaluationSource,
  scores: Scores,
  ofTau?: Pick<ResultRow, 'tau' | 'method' | 'tau_selected_on'>,
): ResultRow {
  return {
    run,
    split,
    checkpoint,
    ...(epoch !== undefined && { epoch }),
    ...(selected_on !== undefined && { selected_on }),
    ...(precision !== undefined && { precision }),
    ...ofTau,
    ...inPercent(scores),
  };
}

type Selected = Pick<ResultRow, 'checkpoint' | 'tau' | 'tau_selected_on'>;

/**
 * The scores of a run that tables show, from its rows, which begin with the reported checkpoint: `best` where a split
 * selected one, else `last`. Re-balanced is at the τ of the config, `oracle` at the τ that is best on the test
 * images.
 */
export function reportedScores<Row extends Selected>(rows: readonly Row[] = []) {
  const of = (checkpoint: string | undefined, tauSelectedOn: string | undefined): Row | undefined =>
    rows.find(row => row.checkpoint === checkpoint && row.tau_selected_on === tauSelectedOn);
  const reported = rows[0]?.checkpoint;
  return {
    plain: of(reported, undefined),
    rebalanced: of(reported, 'config'),
    oracle: of(reported, 'test'),
    last: of('last', undefined),
    last_rebalanced: of('last', 'config'),
  };
}
