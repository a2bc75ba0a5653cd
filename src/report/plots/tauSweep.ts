/** Re-balanced top-1 as a function of τ, from the stored logits. */
import { dot, lineY } from '@observablehq/plot';
import { bestTau, largestOracleTau, type Summary } from '../../eval/summary.js';
import { type Figure, runColor, runLegend } from '../figure.js';
import type { ReportRun } from '../reportRun.js';
import { sourceSentence } from '../source.js';
import { renderSvg } from '../svg.js';

export function tauSweepFigure(runs: readonly ReportRun[]): Figure {
  const marks = runs.flatMap((run, index) => {
    const points = sweepOf(run);
    const steps = points.filter(({ tau }) => tau <= largestOracleTau);
    const chosen = { tau: run.tau, top1: 100 * run.summary.rebalanced[0]!.scores.top1 };
    const oracle = points.filter(({ tau }) => tau === oracleTau(run));
    const color = runColor(index);
    return [
      // A τ of the config beyond the steps is a dot of its own: nothing was counted on the way to it.
      lineY(steps, { x: 'tau', y: 'top1', stroke: color, strokeWidth: 1.8 }),
      dot([chosen], { x: 'tau', y: 'top1', r: 4.5, fill: color, stroke: 'var(--background)' }),
      dot(oracle, { x: 'tau', y: 'top1', r: 7, stroke: color, strokeWidth: 2 }),
    ];
  });
  const values = runs.flatMap(run => sweepOf(run).map(({ top1 }) => top1));
  // A curve that τ does not move still needs an axis with a height.
  const domain = [Math.max(0, Math.min(...values) - 0.5), Math.max(...values) + 0.5];
  const oracles = runs.map(run => {
    const top1 = sweepOf(run).find(({ tau }) => tau === oracleTau(run))!.top1;
    return `${runs.length === 1 ? '' : `${run.label}: `}τ = ${oracleTau(run)} with ${top1.toFixed(2)} %`;
  });
  return {
    id: 'tau',
    title: 'τ of re-balancing',
    sentence: `Top-1 of the re-balanced predictions for τ from 0 (plain) to ${largestOracleTau}, from the stored logits. Dot: τ of the config. Ring: the best τ on this same split, an oracle that a real task does not have (${oracles.join('; ')}). ${sourceSentence(runs)}`,
    legend: [
      ...runLegend(runs, 'line'),
      { label: 'τ of the config', color: 'currentColor', mark: 'dot' },
      { label: 'best τ on this split (oracle)', color: 'currentColor', mark: 'ring' },
    ],
    panels: [
      {
        draw: width =>
          renderSvg(width, 'Re-balanced top-1 by τ', {
            height: 300,
            marginLeft: 48,
            x: { label: 'τ', ticks: 5 },
            y: { label: 'top-1 (%)', domain, grid: true, nice: true, ticks: 6 },
            marks,
          }),
      },
    ],
    columns: 1,
  };
}

function sweepOf({ summary }: ReportRun): { tau: number; top1: number }[] {
  return summary.rebalanced.slice(1).map(({ tau, scores }) => ({ tau, top1: 100 * scores.top1 }));
}

/** τ of the sweep and the config with the highest top-1 on the evaluated split; of equal ones the smallest. */
export function oracleTau({ summary }: { summary: Pick<Summary, 'rebalanced'> }): number {
  return bestTau({ rebalanced: summary.rebalanced.slice(1) })!;
}
