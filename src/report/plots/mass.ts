/** How much probability the model hands to each class, before and after re-balancing. */
import { dot, lineY, ruleY } from '@observablehq/plot';
import { labelCounts } from '../../eval/metrics.js';
import { predictedMass } from '../../eval/rebalance.js';
import { type Figure, predictionLegend, runColor, runLegend } from '../figure.js';
import type { ReportRun } from '../reportRun.js';
import { classesByFrequency, sourceSentence, tauWords } from '../source.js';
import { renderSvg } from '../svg.js';

/** Above this many classes the dots would run together. */
const mostDots = 30;
const smallestShare = 1e-3;

export function massFigure(runs: readonly ReportRun[]): Figure {
  const byFrequency = classesByFrequency(runs[0]!);
  const curves = runs.flatMap((run, index) => {
    const { before, after } = massesOf(run);
    const color = runColor(index);
    return [
      { color, dash: undefined, points: pointsOf(run, before, byFrequency, 'before') },
      { color, dash: '4 3', points: pointsOf(run, after, byFrequency, `after re-balancing at τ = ${run.tau}`) },
    ];
  });
  const marks = curves.flatMap(({ color, dash, points }) => [
    lineY(points, { x: 'rank', y: 'share', stroke: color, strokeWidth: 1.8, ...(dash && { strokeDasharray: dash }) }),
    // Dots carry the tooltips; where there are too many to look at they are there without being seen.
    dot(points, {
      x: 'rank',
      y: 'share',
      r: 3,
      fill: color,
      fillOpacity: points.length > mostDots ? 0 : 1,
      title: 'title',
    }),
  ]);
  return {
    id: 'mass',
    title: 'Predicted mass per class',
    sentence: `The sum of a class's probabilities over all images, divided by the images it really has: at 1 the model expects the class as often as it is there. Classes from the most (1) to the least frequent${runs.length > 1 ? ` in ${runs[0]!.label}` : ''}; before, and after re-balancing at ${tauWords(runs)}. Shares below ${smallestShare} are drawn there. ${sourceSentence(runs)}`,
    legend: [
      ...runLegend(runs, 'line'),
      { label: 'before', color: 'currentColor', mark: 'line' },
      { ...predictionLegend('line', 'dashed')[1]!, label: 'after re-balancing' },
    ],
    panels: [
      {
        draw: width =>
          renderSvg(width, 'Predicted mass per class before and after re-balancing', {
            height: 320,
            marginLeft: 48,
            x: {
              label: 'class, by training frequency',
              domain: [1, Math.max(2, byFrequency.length)],
              tickFormat: wholeOnly,
            },
            y: { type: 'log', label: 'mass ÷ images', grid: true, nice: true, ticks: 5, tickFormat: plainNumber },
            marks: [ruleY([1], { strokeOpacity: 0.6 }), ...marks],
          }),
      },
    ],
    columns: 1,
  };
}

/** Predicted mass [C] of a run's evaluation: Σ_i p_ij, and the same for p_ij / mass_j^τ made probabilities again. */
export function massesOf({ evaluation, tau }: Pick<ReportRun, 'evaluation' | 'tau'>) {
  const { logits, classNames } = evaluation;
  const classes = classNames.length;
  const before = predictedMass(logits, classes);
  // log(p / mass^τ) is z − τ·log mass up to one number per row, which the softmax takes away again.
  const shifts = before.map(mass => (mass === 0 ? Infinity : tau * Math.log(mass)));
  const after = predictedMass(
    logits.map((logit, k) => logit - shifts[k % classes]!),
    classes,
  );
  return { before, after };
}

function pointsOf({ label, evaluation }: ReportRun, mass: Float64Array, order: readonly number[], when: string) {
  const { classNames, labels } = evaluation;
  const images = labelCounts(labels, classNames.length);
  return order.flatMap((klass, index) => {
    if (images[klass] === 0) return [];
    const share = mass[klass]! / images[klass]!;
    const title = `${label}: ${classNames[klass]}, ${when}: ${share.toFixed(3)}`;
    return [{ rank: index + 1, share: Math.max(smallestShare, share), title }];
  });
}

function wholeOnly(rank: number): string {
  return Number.isInteger(rank) ? String(rank) : '';
}

function plainNumber(value: number): string {
  return String(Number(value.toPrecision(2)));
}
