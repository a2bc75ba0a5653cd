/** The paper's story: what each classifier is pulled up by its own images and pushed down by all others. */
import { lineY, ruleY } from '@observablehq/plot';
import { type Group, groupOf } from '../../eval/metrics.js';
import type { Figure, LegendEntry, Panel } from '../figure.js';
import type { EpochGradients } from '../gradients.js';
import type { ReportRun } from '../reportRun.js';
import { renderSvg } from '../svg.js';
import { epochAxis, logAxis, logMarks } from './axes.js';

const groups: readonly Group[] = ['many', 'medium', 'few'];
/** Epochs drawn: more points than this change the line by less than its width, and make the file large. */
const mostEpochs = 60;
/** With more classes only the medians are drawn. */
const mostClassLines = 200;

/** The figure of those runs that kept their gradients; undefined when none did. */
export function gradientRatioFigure(all: readonly ReportRun[]): Figure | undefined {
  const runs = all.filter(run => run.gradients !== undefined && run.gradients.length > 0);
  if (runs.length === 0) return undefined;
  const without = all.filter(run => !runs.includes(run)).map(({ label }) => label);
  const ratios = runs.map(run => ratiosOf(run.gradients!));
  const values = ratios.flat(2).map(({ ratio }) => ratio);
  return {
    id: 'gradients',
    title: 'Positive over received negative gradient',
    sentence:
      'For each class, the gradient its classifier got from images of the class (θ) over what it received from images of all other classes (ν), both summed since the start of training. ' +
      'Thin lines are classes, thick ones the median of many, medium and few; at 1 the two are equal. Measured on the training images while training, so it has no split, checkpoint or τ.' +
      (without.length > 0 ? ` Not recorded by: ${without.join(', ')}.` : ''),
    legend: groups
      .filter(group => runs.some(({ evaluation }) => evaluation.classCounts.some(count => groupOf(count) === group)))
      .map((group): LegendEntry => ({ label: group, color: `var(--${group})`, mark: 'line' })),
    panels: runs.map((run, index) => panel(run, ratios[index]!, values)),
    columns: runs.length === 1 ? 1 : 2,
  };
}

interface Ratio {
  readonly epoch: number;
  readonly ratio: number;
}

/** θ/ν of each class [C] at each epoch drawn; what is 0 on either side is left out. */
export function ratiosOf(gradients: readonly EpochGradients[]): Ratio[][] {
  const step = Math.max(1, (gradients.length - 1) / (mostEpochs - 1));
  const drawn = new Set(gradients.map((_, index) => Math.round(Math.round(index / step) * step)));
  const epochs = gradients.filter((_, index) => drawn.has(index));
  return gradients[0]!.positive.map((_, klass) =>
    epochs.flatMap(({ epoch, positive, negative }) =>
      negative[klass]! > 0 && positive[klass]! > 0 ? [{ epoch, ratio: positive[klass]! / negative[klass]! }] : [],
    ),
  );
}

function panel({ label, evaluation }: ReportRun, ratios: readonly Ratio[][], values: readonly number[]): Panel {
  const { classCounts } = evaluation;
  const membersOf = (group: Group) => ratios.filter((_, klass) => groupOf(classCounts[klass]!) === group);
  const thin = ratios.length > mostClassLines ? [] : ratios;
  const marks = [
    ...thin.map((points, klass) =>
      lineY(points, {
        x: 'epoch',
        y: 'ratio',
        stroke: `var(--${groupOf(classCounts[klass]!)})`,
        strokeWidth: 0.8,
        strokeOpacity: 0.4,
      }),
    ),
    ...groups.map(group =>
      lineY(medians(membersOf(group)), { x: 'epoch', y: 'ratio', stroke: `var(--${group})`, strokeWidth: 3 }),
    ),
  ];
  const axis = logAxis([...values, 1], 1.3);
  const last = Math.max(...ratios.flat().map(({ epoch }) => epoch));
  return {
    heading: label,
    draw: width =>
      renderSvg(width, `Positive over received negative gradient of each class by epoch, ${label}`, {
        height: 320,
        marginLeft: 48,
        x: epochAxis(last),
        y: { ...axis.scale, label: 'θ ÷ ν', grid: axis.ticks as number[] },
        marks: [...logMarks('y', axis), ruleY([1], { strokeOpacity: 0.6 }), ...marks],
      }),
  };
}

function medians(members: readonly Ratio[][]): Ratio[] {
  const byEpoch = new Map<number, number[]>();
  for (const { epoch, ratio } of members.flat()) byEpoch.set(epoch, [...(byEpoch.get(epoch) ?? []), ratio]);
  return [...byEpoch].sort(([a], [b]) => a - b).map(([epoch, values]) => ({ epoch, ratio: median(values) }));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
