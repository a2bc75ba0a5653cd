/** Re-balanced top-1 as a function of τ, from the stored logits. */
import { dot, lineY } from '@observablehq/plot';
import { largestOracleTau } from '../../eval/summary.js';
import { twoDecimals } from '../../tables/column.js';
import { type Figure, seriesLegend } from '../figure.js';
import type { TopOneOfTau } from '../reportRun.js';
import { meanOf, type Series } from '../series.js';
import { sourceSentence } from '../source.js';
import { renderSvg } from '../svg.js';

export function tauSweepFigure(all: readonly Series[]): Figure {
  const sweeps = all.map(sweepOf);
  const marks = all.flatMap(({ runs, color }, index) => {
    const points = sweeps[index]!;
    const best = bestOf(points);
    return [
      // A τ of the config beyond the steps has a dot, but no line: there are no scores in between.
      lineY(
        points.filter(({ tau }) => tau <= largestOracleTau),
        { x: 'tau', y: 'top1', stroke: color, strokeWidth: 1.8 },
      ),
      dot(
        points.filter(({ tau }) => tau === runs[0]!.tau),
        { x: 'tau', y: 'top1', r: 4.5, fill: color, stroke: 'var(--background)' },
      ),
      dot([best], { x: 'tau', y: 'top1', r: 7, stroke: color, strokeWidth: 2 }),
    ];
  });
  const values = sweeps.flat().map(({ top1 }) => top1);
  // A constant curve still needs an axis with a height.
  const domain = [Math.max(0, Math.min(...values) - 0.5), Math.max(...values) + 0.5];
  const oracles = all.map(({ label }, index) => {
    const { tau, top1 } = bestOf(sweeps[index]!);
    return `${all.length === 1 ? '' : `${label}: `}τ = ${tau} with ${twoDecimals(top1)} %`;
  });
  const means = all.some(({ runs }) => runs.length > 1) ? ' Lines are means over the seeds.' : '';
  return {
    id: 'tau',
    title: 'τ of re-balancing',
    sentence:
      `Top-1 of the re-balanced predictions for τ from 0 (plain) to ${largestOracleTau}, from the stored logits.` +
      `${means} ` +
      'Dot: τ of the config. Ring: the best τ on this same split, an oracle that a real task does not have ' +
      `(${oracles.join('; ')}). ${sourceSentence(all)}`,
    legend: [
      ...seriesLegend(all, 'line'),
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

/** Means over the runs of a series, whose configs have the same τ and therefore the same steps. */
function sweepOf(series: Series): TopOneOfTau[] {
  return series.runs[0]!.sweep.map(({ tau }, step) => ({ tau, top1: meanOf(series, run => run.sweep[step]!.top1) }));
}

function bestOf(points: readonly TopOneOfTau[]): TopOneOfTau {
  return points.reduce((best, point) => (point.top1 > best.top1 ? point : best));
}
