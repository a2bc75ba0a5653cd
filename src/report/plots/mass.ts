/** How much probability the model hands to each class, before and after re-balancing. */
import { ruleY } from '@observablehq/plot';
import { labelCounts } from '../../eval/metrics.js';
import { predictedMass } from '../../eval/rebalance.js';
import { type Figure, type Panel, runLegend } from '../figure.js';
import type { ReportRun } from '../reportRun.js';
import { sourceSentence, tauWords } from '../source.js';
import { renderSvg } from '../svg.js';
import { logAxis, logMarks } from './axes.js';
import {
  type ClassPoint,
  classPointMarks,
  classPoints,
  frequencyAxis,
  geometricMean,
  windowWords,
} from './classPoints.js';

/** Less than this is drawn as this: a class of no mass at all has no place on a logarithmic axis. */
const smallestShare = 1e-3;

export function massFigure(runs: readonly ReportRun[]): Figure {
  const masses = runs.map(massesOf);
  const before = runs.map((run, index) => pointsOf(run, masses[index]!.before, 'before re-balancing'));
  const after = runs.map((run, index) => pointsOf(run, masses[index]!.after, `re-balanced at τ = ${run.tau}`));
  const values = [...before, ...after].flat().map(({ value }) => value);
  const cut = values.includes(smallestShare) ? ` Shares below ${smallestShare} are drawn there.` : '';
  return {
    id: 'mass',
    title: 'Predicted mass per class',
    sentence: `Each dot is a class: the sum of its probabilities over all images, divided by the images it really has, so that at 1 the model expects the class as often as it is there; ${windowWords(runs[0]!.evaluation.classNames.length)}. Before re-balancing, and after it at ${tauWords(runs)}.${cut} ${sourceSentence(runs)}`,
    legend: runLegend(runs, 'dot'),
    panels: [panel(runs, 'Before re-balancing', before, values), panel(runs, 'After re-balancing', after, values)],
    columns: 2,
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

function pointsOf(run: ReportRun, mass: Float64Array, when: string): ClassPoint[] {
  const { classNames, labels } = run.evaluation;
  const images = labelCounts(labels, classNames.length);
  return classPoints(run, klass => {
    const share = images[klass] === 0 ? Number.NaN : mass[klass]! / images[klass]!;
    const title = `${run.label}: ${classNames[klass]}, ${when}: ${share.toFixed(3)}`;
    return { value: Math.max(smallestShare, share), title };
  });
}

function panel(
  runs: readonly ReportRun[],
  heading: string,
  points: readonly (readonly ClassPoint[])[],
  values: readonly number[],
): Panel {
  const axis = frequencyAxis(runs);
  const shares = logAxis([...values, 1], 1.3);
  const marks = classPointMarks(points, geometricMean);
  return {
    heading,
    draw: width =>
      renderSvg(width, `Predicted mass of each class by its number of training images: ${heading}`, {
        ...axis.options,
        height: 310,
        marginLeft: 46,
        y: { ...shares.scale, label: 'mass ÷ images', grid: shares.ticks as number[] },
        marks: [...logMarks('y', shares), ruleY([1], { strokeOpacity: 0.6 }), ...axis.marks, ...marks],
      }),
  };
}
